"""What every store of responses must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Turn
from app.errors import NotFound, Unconfirmed
from app.store.responses.packed.packed_turn import PackedTurn


class Forgotten(Unconfirmed):
    """What was kept is not there any more: its server was lost before a replica had it."""


def unknown_response(response_id: str) -> NotFound:
    """Return the one error for an id that is unknown, deleted, foreign or was never stored (E9)."""
    what = f"Response with id '{response_id}' not found."
    return NotFound(what, param="response_id", code="response_not_found")


class ResponseStore(Protocol):
    """Keeps responses by id, for one account each; a foreign id is an unknown id.

    So is the id of a response that was encrypted (Turn.key) to whoever gives no key, or another;
    to one that was not, a key changes nothing.

    Every method raises StorageUnavailable when Redis is unreachable, within its time-out, and
    NotFound (code response_not_found) for an id that is unknown, deleted or another account's.
    """

    def save(self, turn: Turn) -> bool:
        """Keep a terminal response, at once visible to every process.

        Saving it again changes nothing. Returns whether this ending stands: an ending never
        replaces another that came first. Raises NotFound where the parent's whole conversation
        was erased in the meantime; a parent that was merely deleted can still be continued.
        """
        ...

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        """Return a stored turn."""
        ...

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        """Return where a response was cut into events (Turn.cuts); nothing where it was not."""
        ...

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        """Hide a response; turns that continue it keep their whole context."""
        ...

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return what a turn that continues `response_id` starts from."""
        ...

    def input_items(
        self, account: str, response_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input.

        Raises InvalidRequest (param after or before) where the list has no such item.
        """
        ...

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        """Return those of the items that the account has stored, by id (S5).

        Items of deleted responses are not among them.
        """
        ...

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored; deleting changes nothing, purging does."""
        ...

    def require_room(self) -> None:
        """Return unless it is known that no answer can be kept: then none is to be bought.

        Nothing is asked. Raises StorageUnavailable.
        """
        ...

    def ping(self) -> None:
        """Return when the store answers."""
        ...


class Confirming(Protocol):
    """A store whose saving has two steps."""

    def keep(self, turn: Turn | PackedTurn) -> bool:
        """Save a response without waiting for replicas."""
        ...

    def confirm(self, response_id: str, wait_s: float) -> None:
        """Return when enough replicas have what was kept, or else raise Unconfirmed."""
        ...
