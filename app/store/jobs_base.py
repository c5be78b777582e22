"""What a store of background responses must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.response import Status
from app.store.base import Turn


@dataclass(frozen=True, slots=True)
class Job:
    """A background response that waits or runs.

    `ticket` is all that a worker needs to run it, in a form that only its maker reads.
    """

    account: str
    response_id: str
    status: Status
    ticket: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker runs, while its lease lasts.

    `owner` is this run's own word. `told` is how many events are in the stream already.
    """

    job: Job
    owner: str
    told: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Events that belong together: JSON lines, the first with the number `first`."""

    first: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A part of a job's stream: what was told behind `cursor`, and the cursor behind that."""

    cursor: str
    flushes: tuple[Flush, ...]


@dataclass(frozen=True, slots=True)
class Queues:
    """How much waits and runs. `oldest_s` is the age of the oldest job that waits, in seconds."""

    queued: int
    running: int
    oldest_s: float


class JobStore(Protocol):
    """Keeps background responses from their queue to their end, and the streams they tell.

    Every method raises StorageUnavailable when the store is away.
    """

    def enqueue(self, turn: Turn, ticket: bytes, max_queued: int) -> bool:
        """Queue a response; False where the account has `max_queued` waiting already."""
        ...

    def take(self) -> str | None:
        """Take the next response's id by round robin over the accounts, under a new lease."""
        ...

    def claim(self, response_id: str, owner: str) -> Claim | None:
        """Begin to run a job that was taken; None where it is no longer to be run."""
        ...

    def renew(self, response_ids: Sequence[str]) -> None:
        """Renew the leases of these jobs, and say that a worker lives."""
        ...

    def tell(self, claim: Claim, flush: Flush, *, spoke: bool) -> bool:
        """Append to the job's stream; `spoke` says that the model has said something.

        False where the job is no longer this worker's: it was cancelled, or its lease was lost.
        """
        ...

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step. False as for `tell`."""
        ...

    def give_back(self, claim: Claim) -> bool:
        """Put a job back into its queue; False where its model has spoken: it is to be ended."""
        ...

    def forget(self, account: str, response_id: str) -> None:
        """Take a job that has ended out of the queues."""
        ...

    def seize(self, account: str, response_id: str, owner: str) -> Claim | None:
        """Make a job one's own, whoever runs it, to end it; None where it has ended."""
        ...

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease is over, each under a short new one."""
        ...

    def settle_lost(self, response_id: str) -> str | None:
        """Queue a job whose lease was lost again; return its account where that cannot be.

        It cannot where its model had spoken, or three leases were lost: it is to be ended.
        """
        ...

    def pending(self, account: str, response_id: str) -> Job | None:
        """Return the job while it waits or runs."""
        ...

    def has_stream(self, account: str, response_id: str) -> bool:
        """Tell whether the response, not deleted, was made in the background."""
        ...

    def told(self, response_id: str, cursor: str) -> Told:
        """Return what the job's stream says behind `cursor` ("" for all of it)."""
        ...

    def news(self) -> Iterator[tuple[str, str]]:
        """Yield (what, response id) as they happen, on a connection of its own, for ever.

        What is "told" or "cancelled"; ("", "") says that some may have been missed.
        """
        ...

    def worker_silence_s(self) -> float:
        """Return the seconds since a worker said that it lives, infinity if none ever did."""
        ...

    def queues(self) -> Queues:
        """Return how much waits and runs."""
        ...
