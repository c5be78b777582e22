"""The protocol by which an operator lists, exports, purges and erases stored responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from app.domain.ids import is_conversation_id, is_response_id
from app.domain.response import TERMINAL, Response
from app.domain.turns.turn import Turn
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE


@dataclass(frozen=True, slots=True)
class Archived:
    """A stored response of an account. Times are in Unix seconds.

    `deleted_at` is None unless it was deleted; `created_at` is None once it is purged, and while it
    waits or runs. `turn` is None if it is purged, encrypted with its caller's key (`is_encrypted`),
    or still waits or runs in the background; for such a response `pending` may be what it has
    produced so far.
    """

    account: str
    response_id: str
    status: str
    deleted_at: int | None
    turn: Turn | None
    pending: Response | None = None
    is_encrypted: bool = False
    created_at: int | None = None

    @property
    def is_purged(self) -> bool:
        """Whether its content has been destroyed."""
        return self.turn is None and not self.is_encrypted and self.status in TERMINAL

    def json(self) -> dict[str, Any]:
        """Return everything known of it, for an export."""
        fields: dict[str, Any] = {
            "id": self.response_id,
            "account": self.account,
            "status": self.status,
            "deleted_at": self.deleted_at,
        }
        if self.is_purged:
            return fields | {"purged": True}
        if self.is_encrypted:
            return fields | {"encrypted": True}
        if self.turn is None:
            return fields | ({"response": RESPONSE.dump(self.pending)} if self.pending else {})
        return fields | {
            "response": RESPONSE.dump(self.turn.response),
            "input": ITEM.dump_all(self.turn.input),
            "include": sorted(self.turn.include),
        }


#: What can be purged: a response, items added without one, a conversation that has an id.
PurgedKind = Literal["response", "items", "conversation"]


@dataclass(frozen=True, slots=True)
class Purged:
    """Something whose content is purged; `account` is "" if the store never knew it.

    `is_news`: this purge destroyed it, not an earlier one. `hidden_at`: if only places are left of
    its conversation, since when nobody could begin to continue it, in Unix seconds. `user_hash` is
    that of a response's end user, "" without one; None once no mention of the response is left.
    """

    any_id: str
    account: str = ""
    is_news: bool = False
    hidden_at: int | None = None
    user_hash: str | None = None

    @property
    def kind(self) -> PurgedKind:
        """What kind of thing it was."""
        if is_conversation_id(self.any_id):
            return "conversation"
        return "response" if is_response_id(self.any_id) else "items"


class ArchiveStore(Protocol):
    """The archive. Its iterators work in steps, and yield after each one.

    They may be stopped anywhere and started again. Every method raises StorageUnavailable when
    Redis is unreachable, iterators between two steps.
    """

    def find(self, response_id: str) -> Archived | None:
        """Return a response of any account, including one that still waits or runs."""
        ...

    def conversations(self, account: str) -> int:
        """Return the number of an account's conversations."""
        ...

    def responses(self, account: str) -> Iterator[list[Archived]]:
        """Yield an account's conversations, oldest first, each as a list of its responses."""
        ...

    def purgeable(self, deleted_before: int) -> int:
        """Return the number of responses deleted before this time and not purged yet."""
        ...

    def purge(self, deleted_before: int) -> Iterator[Purged]:
        """Purge responses deleted before this time, in Unix seconds; yield each when it is done.

        A tombstone without content stays: the id remains unknown to callers, and turns that
        continue the response lose its items.
        """
        ...

    def erase(self, account: str, end: Callable[[str], None]) -> Iterator[str]:
        """Destroy everything that an account has stored; yield the tag of each conversation.

        `end` is called first, with the id of each response that waits or runs. Close the account
        beforehand: what it stores meanwhile may survive.
        """
        ...

    def rewrite(self) -> bool:
        """Make the store's files on disk drop what was destroyed; False if that is refused now."""
        ...
