"""The protocol of a store of background responses, and of live streams."""

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

#: Why another process than the one that ran a job finishes it: it was cancelled; its worker had to
#: stop in the middle of the answer; its worker was lost; or it was never fully accepted, and its
#: caller knows that.
EndReason = Literal["cancelled", "stopped", "lost", "refused"]

#: News of jobs: one waits, has new events, has been taken over, has ended, has a webhook event to
#: send; "" means that news may have been missed. News for processes that run streams: one is to be
#: cancelled, or somebody follows it.
JobNews = Literal["waiting", "events", "taken_over", "ended", "webhook", "cancel", "wanted", ""]

#: What a response's events in the store belong to.
EventsOf = Literal["job", "stream", "nothing"]

#: What runs under an id: a job; a stream that may outlive its caller; one that ends with it.
StreamKind = Literal["job", "stream", "attached"]


@dataclass(frozen=True, slots=True)
class RetryState:
    """How far a job's retries have come: the next pause, in seconds, and their end (Unix)."""

    pause_s: float
    until: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that a process holds: to run it during its lease or, if `why` is set, to finish it.

    `lease_token` is what the store compares before it accepts a write; all processes that finish a
    job have the same one, and `holder` identifies this one. `packed` is the payload as it is
    stored. `event_count` is the number of events in the job's stream; `usage` is what the upstream
    has counted so far, `cost` what that costs, as far as they were recorded; `begun` tells whether
    an upstream may have been called for it before. `retries` is set if it was parked between
    attempts, `left_s` if it was returned with so much of its time left. `kind` is set for a stream
    that a web process sends to its caller. `key` encrypts what is stored of it.
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
    left_s: float | None = None

    @property
    def payload(self) -> JobPayload:
        """The payload, decoded each time: a job whose payload is unreadable can be finished."""
        return load_payload(self.packed, self.response_id, self.key)


@dataclass(frozen=True, slots=True)
class NewStream:
    """A stream that others are to see. `outlasts` says that it may go on without its caller."""

    claim: Claim
    payload: JobPayload
    outlasts: bool


@dataclass(frozen=True, slots=True)
class Flush:
    """Events that are written together: JSON lines, the first of which has the number `first`.

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
    """A part of a job's stream: JSON lines, whether more exist, and whether none will follow."""

    lines: Sequence[bytes]
    more: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How much waits and runs. `oldest_s` is the age of the oldest waiting job, in seconds.

    `silence_s` is the time since a worker last took a job or could have; `beat_s` since a worker's
    last heartbeat. Infinity means never.
    """

    queued: int
    running: int
    oldest_s: float
    silence_s: float = float("inf")
    beat_s: float = float("inf")


class JobStore(Protocol):
    """Keeps background responses from their queue to their end, and their streams of events.

    A response that has a key (JobPayload.key) is stored encrypted; the key itself is stored
    wrapped, so that only the gateway can unwrap it, until the job has ended.

    Every method raises StorageUnavailable when Redis is unreachable, and may then be repeated:
    nothing takes effect twice.
    """

    def encode(self, event: Event) -> bytes:
        """Encode an event as a line of its stream, without a request to the store."""
        ...

    def decode(self, line: bytes) -> Event:
        """Decode a line that `encode` made, without a request to the store."""
        ...

    def enqueue(self, payload: JobPayload, max_queued: int, waking: Sequence[Write] = ()) -> bool:
        """Queue a response; False if the account has `max_queued` waiting already.

        The commands in `waking` are sent with it, to make a worker take it.
        """
        ...

    def take(self, token: str = "") -> str | None:
        """Lease the next id, round robin over accounts; a token that has one gets the same one."""
        ...

    def claim(self, response_id: str, lease_token: str, has_room: HasRoom = always) -> Claim | None:
        """Claim a job that was taken; None if it must not be run any more, or has no room."""
        ...

    def owns(self, claim: Claim) -> bool:
        """Tell whether the claim's process still holds the job."""
        ...

    def renew(self, response_ids: Sequence[str], idle_s: float = 0.0) -> None:
        """Renew the leases of these jobs, and record when their worker last could take one.

        That is `idle_s` seconds ago, infinity if it never could.
        """
        ...

    def append(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to the streams of jobs, all in one round trip.

        Returns False where the claim no longer holds the job: it was cancelled or its lease lost.
        """
        ...

    def forget(self, response_ids: Sequence[str]) -> None:
        """Forget the recent flushes of streams that have ended in another way."""
        ...

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step. False as for `append`."""
        ...

    def give_back(self, claim: Claim, left_s: float | None = None) -> Claim | None:
        """Return a job to its queue, with `left_s` of its time; `claim.begun` includes this run.

        If its model has produced output, that is impossible: returns the claim to finish it with.
        """
        ...

    def note_called(self, claim: Claim, *, called: bool) -> bool:
        """Record whether an upstream may have been called under the claim; False as for `append`.

        Without that, one may have been since the job was claimed.
        """
        ...

    def park(self, claim: Claim, retries: RetryState, after_s: float) -> bool:
        """Queue the job again after `after_s` seconds; False as for `append`."""
        ...

    def due(self) -> int:
        """Queue jobs that were parked long enough; return their number."""
        ...

    def take_over(
        self, account: str, response_id: str, why: EndReason, key: ContentKey | None = None
    ) -> Claim | None:
        """Take over a job, to finish it; None if it has ended, or has another key.

        Several may take over one job: the first to finish it ends it. The first reason stands.
        """
        ...

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease has expired, and renew their leases."""
        ...

    def settle_lost(self, response_id: str) -> Claim | bool:
        """Queue a lost job again; False if it had ended and only had to be cleaned up.

        It cannot be queued if its model had produced output, three leases were lost, a process had
        taken it over and did not finish it, or Redis was lost while it was accepted: then the claim
        to finish it with is returned.
        """
        ...

    def status(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Status | None:
        """Return "queued" or "in_progress"; None if it is neither, or has another key."""
        ...

    def payload(self, response_id: str) -> JobPayload | None:
        """Return the payload of a job while it waits or runs."""
        ...

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> EventsOf:
        """Return what a response's events belong to: a job, or a stream as long as it runs.

        Raises NotFound if it is unknown, deleted or another account's, or has another key.
        """
        ...

    def read_events(
        self, response_id: str, number: int, key: ContentKey | None = None
    ) -> StreamPart:
        """Return a job's events from `number` on, or the first part of them."""
        ...

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield news and the ids of the responses, for ever, on a connection of its own."""
        ...

    def queues(self) -> QueueFigures:
        """Return the figures of the queues."""
        ...


class LiveStreamStore(Protocol):
    """Keeps streams that web processes run. They are read and ended like jobs.

    Every method raises StorageUnavailable when Redis is unreachable, and may then be repeated.
    """

    def begin(self, streams: Sequence[NewStream]) -> list[bool]:
        """Make streams visible to other processes, under leases; False for one that has ended."""
        ...

    def lease(self, response_ids: Sequence[str]) -> None:
        """Renew the leases of streams."""
        ...

    def forget(self, response_ids: Sequence[str]) -> None:
        """Delete the leases of streams that have ended."""
        ...

    def lease_token(self, response_id: str) -> str | None:
        """Return the lease token of a stream's holder, or of one that just ended it; else None."""
        ...

    def ask_cancel(
        self, account: str, response_id: str, key: ContentKey | None = None, *, any_kind: bool
    ) -> StreamKind | None:
        """Ask a stream's process to cancel it; return what runs, if it has this key.

        A stream that ends with its caller is only cancelled with `any_kind`, a job never.
        """
        ...

    def want(self, response_id: str) -> None:
        """Announce that somebody follows a stream."""
        ...

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield requests about streams, for ever, on a connection of its own."""
        ...
