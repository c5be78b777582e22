"""Parts of conversations, read from Redis: where the turns of a chain are, and the turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import alone_id, is_response_id, tag_of
from app.domain.items import Item
from app.domain.turns.turn import Position
from app.errors import NotFound
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, run_all
from app.store.keys import Keys
from app.store.responses.base import unknown_response
from app.store.responses.entries import PURGED, Entries
from app.store.responses.packed.homes import is_among
from app.store.responses.paging import TurnSlice
from app.store.responses.scripts import CHAIN

#: So many turns come with the reply that says where they are; more are read by commands of their
#: own, since a script hands them on more slowly than Redis itself does.
AT_ONCE = 24

#: The depths of a whole chain, and of its last turn alone.
WHOLE, OWN = (0, -1), (-1, -1)


@dataclass(frozen=True, slots=True)
class ChainPart:
    """A part of a chain: the response's position, its parent's, and entries from depth `start`.

    `common` is what the response's own entry names, where it is among them. `gone` are the names of
    items that had been removed from the conversation; `is_encrypted` says of one that was asked
    for by its own id that it has a key, and `turn` is the last turn of one that was asked
    for by its own id.
    """

    position: Position
    parent: Position | None
    start: int
    entries: list[bytes]
    common: bytes | None
    gone: frozenset[str] = frozenset()
    turn: bytes | None = None
    is_encrypted: bool = False


class Chains:
    """Reads chains: one round trip for few turns, two for any number of turns and forks.

    Its methods raise StorageUnavailable when Redis is unreachable.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self._redis: Any = client
        self._keys = keys

    def find(
        self,
        account: str,
        response_id: str,
        depths: tuple[int, int],
        anchor: str = "",
        key: ContentKey | None = None,
    ) -> ChainPart | None:
        """Return the turns of these depths of a response's chain, the last included.

        Returns None where there is no such response to who has this key.

        The id of a conversation stands for all that it lists.

        Negative depths count from the end. An anchor, the id of a response, stands for the depth
        of its turn, and None is returned as well where that is not of the chain.
        """
        tag = tag_of(response_id)
        if tag is None:
            return None
        with translated():
            reply = self._call(tag, account, response_id, anchor, depths, key).run(self._redis)
            if reply is None:
                return None
            _status, log, depth, fork_log, fork_depth, start, parts, entries, common = reply[:9]
            gone, references, turn, expired, is_encrypted = reply[9:]
            if parts and not entries:
                entries = self._ranges(tag, parts, references)
                for part, index in expired:
                    entries[part][index] = PURGED
        parent = Position(log.decode(), depth - 1)
        if depth - 1 == fork_depth:  # the first of its log
            parent = Position(fork_log.decode(), fork_depth)
        return ChainPart(
            position=Position(log.decode(), depth),
            parent=parent if depth > 0 else None,
            start=start,
            entries=[entry for part in reversed(entries) for entry in part],
            common=common,
            gone=frozenset(item_id.decode() for item_id in gone),
            turn=turn,
            is_encrypted=bool(is_encrypted),
        )

    def own(
        self, account: str, response_ids: Sequence[str], key: ContentKey | None = None
    ) -> list[bytes]:
        """Return the entries of those of these responses that the account has.

        Entries of items alone are found by their own ids (ids.alone_id).
        """
        calls = [
            self._call(tag, account, response_id, "", OWN, key)
            for response_id in response_ids
            if (tag := tag_of(response_id))
        ]
        with translated():
            replies = run_all(self._redis, calls) if calls else []
        return [reply[7][0][0] for reply in replies if reply and reply[7]]

    def _call(
        self,
        tag: str,
        account: str,
        response_id: str,
        anchor: str,
        depths: tuple[int, int],
        key: ContentKey | None,
    ) -> Call:
        check = check_value(key, response_id)
        arguments = (account, response_id, anchor, *depths, AT_ONCE, check)
        return CHAIN((self._keys.index(tag),), arguments)

    def _ranges(
        self,
        tag: str,
        parts: list[tuple[bytes, int, int]],
        references: list[tuple[int, int, bytes]],
    ) -> list[list[bytes]]:
        """Read parts of logs; each reference's place, by part and index, is that of its entry."""
        ranges = [
            ("LRANGE", self._keys.log(tag, log.decode()), first, last) for log, first, last in parts
        ]
        single = [("LINDEX", self._keys.log(tag, log.decode()), 0) for *_, log in references]
        replies = run_all(self._redis, [*ranges, *single])
        entries: list[list[bytes]] = replies[: len(parts)]
        for (part, index, _), entry in zip(references, replies[len(parts) :], strict=True):
            entries[part][index] = entry
        return entries


@dataclass(frozen=True, slots=True)
class PagedChain:
    """A response's chain, or a conversation's list, as paging reads it.

    `unknown` is raised where there is none; by default that there is no such response.
    """

    chains: Chains
    entries: Entries
    account: str
    response_id: str
    unknown: NotFound | None = None
    key: ContentKey | None = None

    def turn_of(self, response_id: str) -> TurnSlice | None:
        """Return the one turn of a response, or None where it is not of this chain.

        An item that came to a conversation by itself has the id of an entry of items in its own.
        """
        for anchor in (response_id, alone_id(response_id)):
            found = self._find(OWN, anchor)
            if found is not None:
                return self._slice(found)
        return None

    def read(self, first: int, last: int) -> TurnSlice:
        """Return the turns of these depths, as far as they exist."""
        found = self._find((first, last))
        if found is None:
            raise self.unknown or unknown_response(self.response_id)
        return self._slice(found)

    def _find(self, depths: tuple[int, int], anchor: str = "") -> ChainPart | None:
        return self.chains.find(self.account, self.response_id, depths, anchor, self.key)

    def _slice(self, found: ChainPart) -> TurnSlice:
        turns = [
            self._items(entry, found.gone, is_last=depth == found.position.depth)
            for depth, entry in enumerate(found.entries, found.start)
        ]
        return TurnSlice(found.start, found.position.depth, turns)

    def _items(self, entry: bytes, gone: frozenset[str], *, is_last: bool) -> tuple[Item, ...]:
        given, made = self.entries.items(entry, self.key, tag_of(self.response_id) or "")
        items = given if is_last and is_response_id(self.response_id) else given + made
        if not gone:
            return items
        return tuple(item for item in items if not is_among(gone, item.id, self.key))
