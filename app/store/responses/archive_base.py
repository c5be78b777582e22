"""What a store must let an operator do with responses: list, export, purge and erase them."""

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
    """A response of an account. `deleted_at` is in Unix seconds, and so is `created_at`, which is
    None once it is purged, and while it waits or runs.

    `turn` is None once it is purged, for one that `is_encrypted` with its caller's key, and while
    it waits or runs in the background; `pending` may be what such a response has produced so far.
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
        """Whether its content was destroyed."""
        return self.turn is None and not self.is_encrypted and self.status in TERMINAL

    def json(self) -> dict[str, Any]:
        """Return all of it, for an export."""
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


#: What can be purged by itself: a response, items that came alone, a conversation that has an id.
PurgedKind = Literal["response", "items", "conversation"]


@dataclass(frozen=True, slots=True)
class Purged:
    """Something of which the store has no content any more; its account is "" where it never had.

    `is_news` says that this purge has destroyed it. Where nothing but places is left of its
    conversation, `hidden_at` is since when nobody could begin to continue it, in Unix seconds.
    """

    any_id: str
    account: str = ""
    is_news: bool = False
    hidden_at: int | None = None

    @property
    def kind(self) -> PurgedKind:
        """What it was."""
        if is_conversation_id(self.any_id):
            return "conversation"
        return "response" if is_response_id(self.any_id) else "items"


class ArchiveStore(Protocol):
    """Everything here goes step by step, reports each step when it is done, and may be stopped
    anywhere and started again.

    Every method raises StorageUnavailable when Redis is unreachable, iterators between two steps.
    """

    def find(self, response_id: str) -> Archived | None:
        """Return a response of any account, also while it waits or runs."""
        ...

    def conversations(self, account: str) -> int:
        """Return how many conversations an account has."""
        ...

    def responses(self, account: str) -> Iterator[list[Archived]]:
        """Walk through an account's conversations, oldest first: each as its responses."""
        ...

    def purgeable(self, deleted_before: int) -> int:
        """Return how many responses were deleted before then and are not purged yet."""
        ...

    def purge(self, deleted_before: int) -> Iterator[Purged]:
        """Destroy the content of responses deleted before then, in Unix seconds; yield each.

        A tombstone without content stays: its id stays unknown, and turns that continue it lose
        its items.
        """
        ...

    def erase(self, account: str, end: Callable[[str], None]) -> Iterator[str]:
        """Destroy everything that an account has stored; yield the tag of each conversation.

        `end` is called before with the ids of what waits or runs. Close the account before: what
        it stores meanwhile may survive.
        """
        ...

    def rewrite(self) -> bool:
        """Have the store's disk forget what was destroyed as well; False where it will not now."""
        ...
