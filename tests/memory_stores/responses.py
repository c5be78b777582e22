"""A store of responses in this process's memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from time import time

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import home_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Position, Turn
from app.schemas.wire.tools import FUNCTION_TOOL
from app.store.responses.base import unknown_response
from app.store.responses.entries import Entries
from app.store.responses.paging import TurnSlice, page


@dataclass(frozen=True, slots=True)
class _Kept:
    """A turn and the ids of its chain, oldest first and its own last."""

    turn: Turn
    chain: tuple[str, ...]

    @property
    def given(self) -> tuple[Item, ...]:
        return () if self.is_expired else self.turn.input

    @property
    def items(self) -> tuple[Item, ...]:
        return () if self.is_expired else self.turn.input + self.turn.response.output

    @property
    def is_expired(self) -> bool:
        return self.turn.is_expired(time())


class MemoryStore:
    """Implements ResponseStore. A turn's position is its response's id and its depth."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries = Entries()
        self._kept: dict[str, _Kept] = {}
        self._deleted: set[str] = set()
        self._homes: dict[tuple[str, str], str] = {}

    def save(self, turn: Turn) -> bool:
        """Keep a terminal response, at once visible to every thread."""
        response_id = turn.response.id
        with self._lock:
            if response_id in self._kept:
                return self._kept[response_id].turn.response.status == turn.response.status
            chain = self._chain(turn)
            self._kept[response_id] = _Kept(turn, (*chain, response_id))
            for item in turn.input + turn.response.output:
                if home_of(item.id) is None:
                    self._homes[turn.account, item.id] = response_id
        return True

    def _chain(self, turn: Turn) -> tuple[str, ...]:
        if turn.parent is None:
            return ()
        parent = self._kept.get(turn.parent.log)
        if parent is None or parent.turn.account != turn.account:
            raise unknown_response(turn.response.id)
        return parent.chain

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        """Return a stored turn."""
        return self._live(account, response_id, key).turn

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        """Return where a response was cut into events; nothing where it was made whole."""
        return self._live(account, response_id, key).turn.cuts

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        """Hide a response; turns that continue it keep their whole context."""
        self._live(account, response_id, key)
        self._deleted.add(response_id)

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return what a turn that continues `response_id` starts from."""
        kept = self._live(account, response_id, key)
        items: list[Item] = []
        inputs: list[range] = []
        turns = [self._kept[each] for each in kept.chain]
        for each in turns:
            inputs.append(range(len(items), len(items) + len(each.given)))
            items += each.items
        purged = frozenset(number for number, each in enumerate(turns) if each.is_expired)
        position = Position(response_id, len(kept.chain) - 1)
        tools = tuple(map(FUNCTION_TOOL.load, kept.turn.response.echo["tools"]))
        return Context(tuple(items), tools, position, tuple(inputs), purged)

    def input_items(
        self,
        account: str,
        response_id: str,
        query: PageQuery,
        key: ContentKey | None = None,
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input."""
        kept = self._live(account, response_id, key)
        earlier = tuple(self._kept[each].items for each in kept.chain[:-1])
        chain = _Chain(kept.chain, (*earlier, kept.turn.input))
        return page(chain, query)

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        """Return those of the items that the account has stored, by id (S5)."""
        found: dict[str, Item] = {}
        for item_id in item_ids:
            home = self._kept.get(home_of(item_id) or self._homes.get((account, item_id), ""))
            if home and self._is_live(home, account, key):
                found |= {item.id: item for item in home.items if item.id == item_id}
        return found

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account's turns would take in a store outside this process."""
        kept = [each.turn for each in self._kept.values() if each.turn.account == account]
        return sum(len(self._entries.alone(turn)) for turn in kept)

    def require_room(self) -> None:
        """Return: memory takes everything."""

    def ping(self) -> None:
        """Return: memory is always there."""

    def _live(self, account: str, response_id: str, key: ContentKey | None) -> _Kept:
        kept = self._kept.get(response_id)
        if kept is None or not self._is_live(kept, account, key):
            raise unknown_response(response_id)
        return kept

    def _is_live(self, kept: _Kept, account: str, key: ContentKey | None) -> bool:
        turn, own_id = kept.turn, kept.chain[-1]
        opens = turn.key is None or check_value(key, own_id) == check_value(turn.key, own_id)
        is_there = turn.account == account and own_id not in self._deleted
        return is_there and not kept.is_expired and opens


@dataclass(frozen=True, slots=True)
class _Chain:
    ids: tuple[str, ...]
    turns: tuple[tuple[Item, ...], ...]

    def turn_of(self, response_id: str) -> TurnSlice | None:
        if response_id not in self.ids:
            return None
        depth = self.ids.index(response_id)
        return self.read(depth, depth)

    def forget(self) -> None:
        pass

    def read(self, first: int, last: int, *, is_rising: bool = True) -> TurnSlice:
        count = len(self.turns)
        start = max(0, first + count if first < 0 else first)
        end = (last + count if last < 0 else last) + 1
        return TurnSlice(start, count - 1, self.turns[start : max(0, end)])
