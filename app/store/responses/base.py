"""The protocol of a store of responses."""

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
    """A kept response is missing: its server was lost before a replica had it."""


def unknown_response(response_id: str) -> NotFound:
    """Return the one error for an id that is unknown, deleted, foreign or was never stored (E9)."""
    what = f"Response with id '{response_id}' not found."
    return NotFound(what, param="response_id", code="response_not_found")


class ResponseStore(Protocol):
    """Keeps responses by id, each for one account; an id of another account counts as unknown.

    So does the id of an encrypted response (Turn.key) if no key, or a wrong one, is given. For a
    response that is not encrypted the key is ignored.

    Every method raises StorageUnavailable when Redis is unreachable, within its time-out, and
    NotFound (code response_not_found) for an id that is unknown, deleted or another account's.
    """

    def save(self, turn: Turn) -> bool:
        """Store a terminal response; every process sees it at once.

        Saving it again changes nothing. Returns whether this ending is the one that is stored: an
        ending never replaces another that came first. Raises NotFound if the parent's whole
        conversation was erased in the meantime; a parent that was merely deleted can still be
        continued.
        """
        ...

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        """Return a stored turn."""
        ...

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        """Return where a response was cut into events (Turn.cuts); b"" if it was not streamed."""
        ...

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        """Hide a response; turns that continue it keep their full context."""
        ...

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a turn that continues `response_id`."""
        ...

    def input_items(
        self, account: str, response_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input.

        Raises InvalidRequest (param after or before) if the list has no such item.
        """
        ...

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        """Return those of these items that the account has stored, by id (S5).

        Items of deleted responses are left out.
        """
        ...

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored; purging lowers it, deleting does not."""
        ...

    def require_room(self) -> None:
        """Raise StorageUnavailable if it is known that no answer can be stored.

        So none is paid for in vain. Sends no request to Redis.
        """
        ...

    def ping(self) -> None:
        """Check that the store answers; raise StorageUnavailable if not."""
        ...


class Confirming(Protocol):
    """A store that saves in two steps."""

    def keep(self, turn: Turn | PackedTurn) -> bool:
        """Save a response without waiting for replicas."""
        ...

    def confirm(self, response_id: str, wait_s: float) -> None:
        """Return once enough replicas have what was kept, or raise Unconfirmed."""
        ...
