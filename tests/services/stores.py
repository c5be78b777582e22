"""A store that holds nothing, to be grown by the tests that need a little more."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.accounts.content_key import ContentKey
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Turn
from app.errors import NotFound


class StoreOfNothing:
    """Knows no response and keeps none."""

    def save(self, turn: Turn) -> bool:
        raise AssertionError(f"{turn.response.id} was not to be stored")

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        raise NotFound(f"{account} has no {response_id}")

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        raise NotFound(f"{account} has no {response_id}")

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        raise NotFound(f"{account} has no {response_id}")

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        raise NotFound(f"{account} has no {response_id}")

    def input_items(
        self,
        account: str,
        response_id: str,
        query: PageQuery,
        key: ContentKey | None = None,
    ) -> Page:
        raise NotFound(f"{account} has no {response_id}")

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        return {}

    def stored_bytes(self, account: str) -> int:
        return 0

    def require_room(self) -> None:
        return

    def ping(self) -> None:
        return
