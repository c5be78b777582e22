"""The protocols of a store that knows what is due to be purged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.store.responses.archive_base import Purged


@dataclass(frozen=True, slots=True)
class Due:
    """Due ids, oldest first. `count` are due in all, the oldest since `late_s` seconds."""

    ids: tuple[str, ...]
    count: int
    late_s: float


class RetentionStore(Protocol):
    """Knows what is due, and purges it in two steps.

    So copies elsewhere can be deleted in between. Each step may be repeated, wherever it was
    stopped. Every method raises StorageUnavailable when Redis is unreachable.
    """

    def due(self, token: str, most: int) -> Due | None:
        """Take or renew the lease and return what is due; None if another process has it."""
        ...

    def purge(self, any_id: str, *, only_due: bool) -> Purged | None:
        """Purge something; None if it has not ended, or is not due."""
        ...

    def settle(self, purged: Sequence[Purged]) -> None:
        """Remove purged things from the indexes, once no copies of them are left elsewhere.

        An empty conversation's places go, too, a day after it last could be continued.
        """
        ...

    def postpone(self, any_id: str) -> None:
        """Schedule something again for later: it cannot be purged now."""
        ...

    def unlogged(self, most: int) -> set[str]:
        """Return ids of purged responses that the request log, or deliveries, may still name."""
        ...

    def log_erased(self, response_ids: set[str]) -> None:
        """Record that neither the request log nor deliveries name these any more."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Something that an operator's search found; `is_pending`: it waits or runs."""

    account: str
    any_id: str
    is_pending: bool = False


class PurgeSearch(Protocol):
    """Finds stored responses by time of arrival, or by end user.

    Iterators raise StorageUnavailable between two steps. Purging meanwhile does not disturb them.
    """

    def created_before(self, account: str, before: int) -> Iterator[Found]:
        """Yield what was stored before this time, in Unix seconds.

        A conversation comes after its content, and only if nothing was added to it since.
        """
        ...

    def of_user(
        self, account: str, user: str, user_hash: str, *, is_to_purge: bool = False
    ) -> Iterator[Found]:
        """Yield the responses to requests of this end user; `user_hash` is the keyed hash.

        Responses of releases that kept no such hash are found by reading them. With `is_to_purge`,
        hashes of missing responses are removed; otherwise nothing is changed.
        """
        ...
