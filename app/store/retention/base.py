"""What a store of what is due to be purged must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.store.responses.archive_base import Purged


@dataclass(frozen=True, slots=True)
class Due:
    """Ids that are due, oldest first; `count` are due in all, the oldest for `late_s` seconds."""

    ids: tuple[str, ...]
    count: int
    late_s: float


class RetentionStore(Protocol):
    """Knows what is due, and purges it: in two steps, so that copies go in between. Each step may
    be repeated, wherever it was stopped.

    Every method raises StorageUnavailable when Redis is unreachable.
    """

    def due(self, token: str, most: int) -> Due | None:
        """Take the lease, or prolong it, and return what is due; None where another has it."""
        ...

    def purge(self, any_id: str, *, only_due: bool) -> Purged | None:
        """Destroy the content of something; None where it has not ended, or is not due."""
        ...

    def settle(self, purged: Sequence[Purged]) -> None:
        """Look no more for what was destroyed, when nothing has copies of it any more.

        Of a conversation that is empty the places go, too, a day after it could be continued last.
        """
        ...

    def postpone(self, any_id: str) -> None:
        """Look for something again later: it cannot be purged now."""
        ...

    def unlogged(self, most: int) -> set[str]:
        """Return ids of responses that were purged and the request log may name."""
        ...

    def log_erased(self, response_ids: set[str]) -> None:
        """Note that the request log names these no more."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Something that an operator looked for; `is_pending` says that it waits or runs."""

    account: str
    any_id: str
    is_pending: bool = False


class PurgeSearch(Protocol):
    """Finds what is stored by when it came, or by its end user.

    Iterators raise StorageUnavailable between two steps. What is purged meanwhile disturbs none.
    """

    def created_before(self, account: str, before: int) -> Iterator[Found]:
        """Yield what came before then, in Unix seconds, a conversation behind what is in it.

        Only a conversation that nothing has come to since is among them.
        """
        ...

    def of_user(
        self, account: str, user: str, user_hash: str, *, is_to_purge: bool = False
    ) -> Iterator[Found]:
        """Yield the responses to requests whose end user this is; `user_hash` is the keyed hash.

        Those of releases that kept no such hash are found by reading them. Where it `is_to_purge`
        them, hashes of what is gone are taken out; else this changes nothing.
        """
        ...
