"""What a store of background responses must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.domain.response import Status, Usage
from app.domain.stream.events import Event
from app.store.responses.base import Turn

#: Why a job is ended by somebody else than its run: it was cancelled, its worker was told to
#: stop in the middle of the answer, its worker was lost, or it was never wholly accepted, of which
#: its caller was told.
Why = Literal["cancelled", "stopped", "lost", "refused"]

#: What is heard of jobs: one waits, has told something, is somebody else's now, has ended; or,
#: with no word, that some of this may have been missed.
What = Literal["waiting", "told", "seized", "ended", ""]


@dataclass(frozen=True, slots=True)
class Retries:
    """How far the attempts at a job's upstream have come: the next pause, and until when (Unix)."""

    pause_s: float
    until: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is its holder's: to run it while its lease lasts, or, where `why` says so, to end
    it.

    `owner` is what the store knows the holder by, `by` this very holder's own word. `ticket` is
    all that a worker needs, in a form that only its maker reads. `told` is how many events are
    in the job's stream, `usage` what the upstream has counted so far, and `begun` tells whether
    any worker had begun to run it before. `retries` is what it was parked with.
    """

    response_id: str
    account: str
    ticket: bytes
    owner: str
    by: str
    told: int = 0
    usage: Usage | None = None
    begun: bool = True
    why: Why | None = None
    retries: Retries | None = None


@dataclass(frozen=True, slots=True)
class Flush:
    """Events that are written at once: JSON lines, the first with the number `first`.

    `usage` is what the upstream has counted so far; `spoke` says that the model has said
    something, so that the job cannot be run again.
    """

    first: int
    lines: tuple[bytes, ...]
    usage: Usage | None = None
    spoke: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A part of a job's stream: JSON lines; whether more are there, or none will ever come."""

    lines: Sequence[bytes]
    more: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Queues:
    """How much waits and runs. `oldest_s` is the age of the oldest job that waits, in seconds."""

    queued: int
    running: int
    oldest_s: float


class JobStore(Protocol):
    """Keeps background responses from their queue to their end, and the streams they tell.

    Every method raises StorageUnavailable when the store is away, and may then be repeated: what
    has happened does not happen twice.
    """

    def encode(self, event: Event) -> bytes:
        """Return an event as a line of its stream, without asking the store."""
        ...

    def decode(self, line: bytes) -> Event:
        """Return the event that `encode` made a line of, without asking the store."""
        ...

    def enqueue(self, turn: Turn, ticket: bytes, max_queued: int) -> bool:
        """Queue a response; False where the account has `max_queued` waiting already."""
        ...

    def announce(self) -> None:
        """Have every worker hear that something waits."""
        ...

    def take(self) -> str | None:
        """Take the next response's id by round robin over the accounts, under a new lease."""
        ...

    def claim(self, response_id: str, owner: str) -> Claim | None:
        """Begin to run a job that was taken; None where it is no longer to be run."""
        ...

    def owns(self, claim: Claim) -> bool:
        """Tell whether a job is still its holder's."""
        ...

    def renew(self, response_ids: Sequence[str], idle_s: float = 0.0) -> None:
        """Renew the leases of these jobs, and say when their worker last could take one.

        That is `idle_s` ago, infinity where it never could.
        """
        ...

    def tell(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to the streams of jobs, all in one round trip.

        Returns False for a job that is no longer its holder's: it was cancelled, or its lease was
        lost.
        """
        ...

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step. False as for `tell`."""
        ...

    def give_back(self, claim: Claim) -> Claim | None:
        """Put a job back into its queue.

        Where its model has spoken that cannot be: returns the claim to end it with.
        """
        ...

    def park(self, claim: Claim, retries: Retries, after_s: float) -> bool:
        """Have the job queued again after so long; False where it is its holder's no more."""
        ...

    def due(self) -> int:
        """Queue what was parked long enough again; return how many jobs that are."""
        ...

    def seize(self, account: str, response_id: str, why: Why) -> Claim | None:
        """Make a job one's own, whoever runs it, to end it; None where it has ended.

        Several may have seized one job: the first to finish it ends it. The first's reason stands.
        """
        ...

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease is over, each under a new one."""
        ...

    def settle_lost(self, response_id: str) -> Claim | None:
        """Queue a job whose lease was lost again, if there is still such a job.

        Where its model had spoken, three leases were lost, somebody had seized it to end it and did
        not, or the store was lost while it was accepted, that cannot be: returns the claim to end
        it with.
        """
        ...

    def status(self, account: str, response_id: str) -> Status | None:
        """Return whether the response is queued or in progress; None where it is neither."""
        ...

    def ticket(self, response_id: str) -> bytes | None:
        """Return the ticket of a job while it waits or runs."""
        ...

    def has_stream(self, account: str, response_id: str) -> bool:
        """Tell whether the response was made in the background.

        Raises NotFound where it is unknown, deleted or another account's.
        """
        ...

    def told(self, response_id: str, number: int) -> Told:
        """Return what the job's stream says from event `number` on, or the beginning of that."""
        ...

    def news(self) -> Iterator[tuple[What, str]]:
        """Yield what happens, and to which response, on a connection of its own, for ever."""
        ...

    def worker_silence_s(self) -> float:
        """Return for how many seconds no worker could take a job, infinity if none ever could."""
        ...

    def queues(self) -> Queues:
        """Return how much waits and runs."""
        ...
