"""What a store of background responses must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.prices import Cost
from app.domain.response import Status, Usage
from app.domain.stream.events import Event
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.turn import Turn
from app.store.connection.replication import Write
from app.store.jobs.payload import load_payload
from app.store.room import HasRoom, always

#: Why a job is finished by another process than its run: it was cancelled; its worker had to stop
#: in the middle of the answer; its worker was lost; or it was never wholly accepted, and its caller
#: knows that.
EndReason = Literal["cancelled", "stopped", "lost", "refused"]

#: What happens to jobs: one waits, has new events, has another holder now, has ended, has an event
#: for webhooks; "" says that some of this may have been missed. What is wanted of streams: that one
#: is cancelled, or followed.
JobNews = Literal["waiting", "events", "taken_over", "ended", "webhook", "cancel", "wanted", ""]

#: What there are events of in the store.
EventsOf = Literal["job", "stream", "nothing"]

#: What runs under an id: a job; a stream that may go on without its caller; one that ends with him.
StreamKind = Literal["job", "stream", "attached"]


@dataclass(frozen=True, slots=True)
class RetryState:
    """How far the attempts at a job's upstream have come: the next pause, and until when (Unix)."""

    pause_s: float
    until: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is its holder's: to run it while its lease lasts, or, where `why` says so, to
    finish it.

    `lease_token` is what the store compares before it takes a write; all who finish a job have the
    same one, and `holder` is this one's own word. `packed` is the payload as it is stored.
    `event_count` is how many events are in the job's stream, `usage` what the upstream has counted
    so far and `cost` what that costs, as far as anybody has written it; `begun` tells whether any
    worker had begun to run it before. `retries` is how far its attempts had come when it was
    parked. `kind` is that of a stream that a web process sends to its caller. `key` encrypts what
    is stored of it, the payload included.
    """

    response_id: str
    account: str
    packed: bytes
    lease_token: str
    holder: str
    event_count: int = 0
    usage: Usage | None = None
    begun: bool = True
    why: EndReason | None = None
    retries: RetryState | None = None
    cost: Cost | None = None
    kind: Literal["stream", "outlasting"] | None = None
    key: ContentKey | None = field(default=None, repr=False)

    @property
    def payload(self) -> JobPayload:
        """All that a worker needs, decoded each time: one that cannot be read can be finished."""
        return load_payload(self.packed, self.response_id, self.key)


@dataclass(frozen=True, slots=True)
class NewStream:
    """A stream that others are to see. `outlasts` says that it may go on without its caller."""

    claim: Claim
    payload: JobPayload
    outlasts: bool


@dataclass(frozen=True, slots=True)
class Flush:
    """Events that are written at once: JSON lines, the first with the number `first`.

    `usage` is what the upstream has counted so far, and `cost` what that costs; `has_output` says
    that the model has produced output, so that the job cannot be run again.
    """

    first: int
    lines: tuple[bytes, ...]
    usage: Usage | None = None
    has_output: bool = False
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A part of a job's stream: JSON lines; whether more are there, or none will ever come."""

    lines: Sequence[bytes]
    more: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How much waits and runs. `oldest_s` is the age of the oldest job that waits, in seconds.

    `silence_s` is since when no worker has taken a job, nor could have; `beat_s` since when none
    has sent a heartbeat. Infinity is ever.
    """

    queued: int
    running: int
    oldest_s: float
    silence_s: float = float("inf")
    beat_s: float = float("inf")


class JobStore(Protocol):
    """Keeps background responses from their queue to their end, and their streams of events.

    What is stored of one that has a key (JobPayload.key) is encrypted; the key itself is there in a
    wrapping that the gateway alone undoes, until the job has ended.

    Every method raises StorageUnavailable when Redis is unreachable, and may then be repeated: what
    has happened does not happen twice.
    """

    def encode(self, event: Event) -> bytes:
        """Return an event as a line of its stream, without asking the store."""
        ...

    def decode(self, line: bytes) -> Event:
        """Return the event that `encode` made a line of, without asking the store."""
        ...

    def enqueue(self, payload: JobPayload, max_queued: int, waking: Sequence[Write] = ()) -> bool:
        """Queue a response; False where the account has `max_queued` waiting already.

        `waking` is written with it, to have a worker take it.
        """
        ...

    def take(self, token: str = "") -> str | None:
        """Lease the next id by round robin over the accounts; to a token that has one, that one."""
        ...

    def claim(self, response_id: str, lease_token: str, has_room: HasRoom = always) -> Claim | None:
        """Begin to run a job that was taken; None where it is no more to be run, or has no room."""
        ...

    def owns(self, claim: Claim) -> bool:
        """Tell whether a job is still its holder's."""
        ...

    def renew(self, response_ids: Sequence[str], idle_s: float = 0.0) -> None:
        """Renew the leases of these jobs, and say when their worker last could take one.

        That is `idle_s` ago, infinity where it never could.
        """
        ...

    def append(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to the streams of jobs, all in one round trip.

        Returns False for a job that is its holder's no more: cancelled, or with its lease lost.
        """
        ...

    def forget(self, response_ids: Sequence[str]) -> None:
        """Remember nothing of what was appended to streams that have ended otherwise."""
        ...

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step. False as for `append`."""
        ...

    def give_back(self, claim: Claim) -> Claim | None:
        """Put a job back into its queue.

        Where its model has produced output that cannot be: returns the claim to finish it with.
        """
        ...

    def park(self, claim: Claim, retries: RetryState, after_s: float) -> bool:
        """Have the job queued again after so long; False where it is its holder's no more."""
        ...

    def due(self) -> int:
        """Queue what was parked long enough again; return how many jobs that are."""
        ...

    def take_over(
        self, account: str, response_id: str, why: EndReason, key: ContentKey | None = None
    ) -> Claim | None:
        """Take a job from the worker that runs it, to finish it; None where it has ended, or has
        another key.

        Several may have taken one job over: the first to finish it ends it. The reason that was
        given first stands.
        """
        ...

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease is over, each under a new one."""
        ...

    def settle_lost(self, response_id: str) -> Claim | bool:
        """Queue a job whose lease was lost again; False where it has ended, and is but tidied up.

        It cannot be where its model had produced output, three leases were lost, a process had
        taken it over and did not finish it, or Redis was lost while it was accepted: returns the
        claim to finish it with.
        """
        ...

    def status(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Status | None:
        """Return whether it is queued or in progress; None for neither, or with another key."""
        ...

    def payload(self, response_id: str) -> JobPayload | None:
        """Return the payload of a job while it waits or runs."""
        ...

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> EventsOf:
        """Return what there are events of: of a job while the response is stored, of a stream while
        it runs.

        Raises NotFound where it is unknown, deleted or another account's, or has another key.
        """
        ...

    def read_events(
        self, response_id: str, number: int, key: ContentKey | None = None
    ) -> StreamPart:
        """Return a job's events from number `number` on, or the first of these."""
        ...

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield what happens, and to which response, on a connection of its own, for ever."""
        ...

    def worker_silence_s(self) -> float:
        """Return for how many seconds no worker could take a job, infinity if none ever could."""
        ...

    def queues(self) -> QueueFigures:
        """Return how much waits and runs."""
        ...


class LiveStreamStore(Protocol):
    """Keeps streams that web processes run, beside the jobs, which are read and ended as these are.

    Every method raises StorageUnavailable when Redis is unreachable, and may then be repeated.
    """

    def begin(self, streams: Sequence[NewStream]) -> list[bool]:
        """Have streams be seen, under leases; False for one that has ended."""
        ...

    def lease(self, response_ids: Sequence[str]) -> None:
        """Renew the leases of streams."""
        ...

    def forget(self, response_ids: Sequence[str]) -> None:
        """Lease nothing any more under the ids of streams that have ended."""
        ...

    def lease_token(self, response_id: str) -> str | None:
        """Return the token of who may write a stream, or has ended another's of late; else None."""
        ...

    def ask_cancel(
        self, account: str, response_id: str, key: ContentKey | None = None, *, any_kind: bool
    ) -> StreamKind | None:
        """Ask the process that streams a response to cancel it; return what runs that has this key.

        One that ends with its caller is asked about only for `any_kind`, a job never.
        """
        ...

    def want(self, response_id: str) -> None:
        """Say that somebody follows a stream."""
        ...

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield what is wanted of streams, on a connection of its own, for ever."""
        ...
