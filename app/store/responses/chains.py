"""Reads chains from Redis: where the turns of a conversation are, and the turns themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.frozen import frozen_dataclass
from app.domain.ids import alone_id, is_response_id, tag_of
from app.domain.items import Item
from app.domain.turns.turn import Position
from app.errors import NotFound
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, run_all
from app.store.keys import Keys
from app.store.responses.base import unknown_response
from app.store.responses.entries import Entries
from app.store.responses.packed.entry_parts import PURGED
from app.store.responses.packed.homes import is_among
from app.store.responses.paging import TurnSlice
from app.store.responses.scripts import CHAIN
from app.store.room import LIGHT_BYTES, BorrowedRoom, Room, unbounded

#: Maximum number of turns returned together with their positions; more are read by commands of
#: their own, since a script returns them more slowly than Redis itself does.
AT_ONCE = 24
#: Number of responses looked up by their own ids at once: each may be as long as a body.
OWN_AT_ONCE = 16
#: Bytes of JSON above which a page takes no more turns: more than the longest item has.
PAGE_BYTES = 16 * 1024 * 1024
#: The end of the range at which a page begins; or "sized": a single turn, whose size is returned
#: first if it is long.
PageKind = Literal["rising", "falling", "sized"]
SIZED: tuple[PageKind] = ("sized",)
#: The depths of a whole chain, and of its last turn alone.
WHOLE, OWN = (0, -1), (-1, -1)


@frozen_dataclass(frozen=True, slots=True)
class ChainPart:
    """A part of a chain: positions of the response and its parent, entries from depth `start` on.

    `common` are the common fields that the response's own entry names, if it is included. `gone`
    are the names of items that were removed from the conversation. `is_encrypted` says whether the
    requested id has a key. `turn` is the last turn of a conversation requested by its id. `is_cut`:
    a page that lacks a part of the range. `borrowed` is the room of the entries, to be given back
    once they are read.
    """

    position: Position
    parent: Position | None
    start: int
    entries: list[bytes]
    common: bytes | None
    gone: frozenset[str] = frozenset()
    turn: bytes | None = None
    is_encrypted: bool = False
    is_cut: bool = False
    borrowed: BorrowedRoom | None = None


class Chains:
    """Reads chains: in one round trip for few turns, in two for any number of turns and forks.

    It reserves `room` before it reads long entries. Its methods raise StorageUnavailable when Redis
    is unreachable, and whatever `room` raises.
    """

    def __init__(self, client: Client, keys: Keys, room: Room = unbounded) -> None:
        self._redis: Any = client
        self._keys = keys
        self._room = room

    def find(
        self,
        account: str,
        response_id: str,
        depths: tuple[int, int],
        anchor: str = "",
        key: ContentKey | None = None,
        page: tuple[PageKind] | tuple[()] = (),
    ) -> ChainPart | None:
        """Return the turns of a response's chain at these depths, both bounds included.

        A `page` has at most AT_ONCE turns. Of a long conversation it has at most 16 MiB of them, at
        least one, from the end at which it begins (lua/chain.lua). SIZED is for one turn, and
        reserves room for a long one before reading it. Returns None if there is no such response
        for this account and key. A conversation's id stands for all that it lists.

        Negative depths count from the end. An anchor, the id of a response, stands for the depth of
        its turn; if that turn is not in the chain, None is returned.
        """
        tag = tag_of(response_id)
        if tag is None:
            return None
        with translated():
            call = self._call(tag, account, response_id, anchor, depths, key, page)
            reply = call.run(self._redis)
            if reply is None:
                return None
            borrowed = None
            _status, log, depth, fork_log, fork_depth, start, parts, entries, common = reply[:9]
            gone, references, turn, expired, is_encrypted, *long = reply[9:]
            is_cut = bool(entries and long and long[0])
            if parts and not entries:
                borrowed = self._borrowed(*long)
                entries = self._ranges(tag, parts, references, expired)
                if not entries:
                    return None
        is_first_of_log = depth - 1 == fork_depth
        parent = Position((fork_log if is_first_of_log else log).decode(), depth - 1)
        return ChainPart(
            position=Position(log.decode(), depth),
            parent=parent if depth > 0 else None,
            start=start,
            entries=[entry for part in reversed(entries) for entry in part],
            common=common,
            gone=frozenset(item_id.decode() for item_id in gone),
            turn=turn,
            is_encrypted=bool(is_encrypted),
            is_cut=is_cut,
            borrowed=borrowed,
        )

    def _borrowed(self, size: int = 0) -> BorrowedRoom | None:
        """Reserve room for so many bytes and return it; None for 0 bytes."""
        if not size:
            return None
        room = BorrowedRoom(self._room)
        room(size)
        return room

    def own(
        self, account: str, response_ids: Sequence[str], key: ContentKey | None = None
    ) -> list[bytes]:
        """Return the entries of those of these responses that belong to the account.

        Entries of items alone have ids of their own (ids.alone_id).
        """
        known = [(tag, each) for each in response_ids if (tag := tag_of(each))]
        entries: list[bytes] = []
        for start in range(0, len(known), OWN_AT_ONCE):
            entries += self._own(account, known[start : start + OWN_AT_ONCE], key)
        return entries

    def _own(
        self, account: str, known: Sequence[tuple[str, str]], key: ContentKey | None
    ) -> list[bytes]:
        calls = [self._call(tag, account, each, "", OWN, key, SIZED) for tag, each in known]
        with translated():
            replies = run_all(self._redis, calls)
            entries = [reply[7][0][0] for reply in replies if reply and reply[7]]
            size = sum(map(len, entries))
            if size > LIGHT_BYTES:
                self._room(size)
            for (tag, _), reply in zip(known, replies, strict=True):
                if reply and reply[6] and not reply[7]:  # it is long
                    self._room(reply[-1])
                    entries += [each for part in self._ranges(tag, reply[6]) for each in part]
        return entries

    def _call(
        self,
        tag: str,
        account: str,
        response_id: str,
        anchor: str,
        depths: tuple[int, int],
        key: ContentKey | None,
        page: tuple[PageKind] | tuple[()] = (),
    ) -> Call:
        check = check_value(key, response_id)
        where: tuple[str | int, ...] = (account, response_id, anchor, *depths, AT_ONCE, check)
        return CHAIN((self._keys.index(tag),), where + page)

    def _ranges(
        self,
        tag: str,
        parts: list[tuple[bytes, int, int]],
        references: Sequence[tuple[int, int, bytes]] = (),
        expired: Sequence[tuple[int, int]] = (),
    ) -> list[list[bytes]]:
        """Read parts of logs; return [] if the conversation was erased meanwhile.

        Each reference (part, index, log) is replaced by the first entry of its log, and each
        expired place by PURGED.
        """
        ranges = [
            ("LRANGE", self._keys.log(tag, log.decode()), first, last) for log, first, last in parts
        ]
        single = [("LINDEX", self._keys.log(tag, log.decode()), 0) for *_, log in references]
        replies = run_all(self._redis, [*ranges, *single])
        entries: list[list[bytes]] = replies[: len(parts)]
        if None in replies or [] in entries:
            return []
        for (part, index, _), entry in zip(references, replies[len(parts) :], strict=True):
            entries[part][index] = entry
        for part, index in expired:
            entries[part][index] = PURGED
        return entries


@dataclass(frozen=True, slots=True)
class PagedChain:
    """A response's chain, or a conversation's list, in the form that paging reads.

    `unknown` is raised if there is none; by default it says that there is no such response.
    """

    chains: Chains
    entries: Entries
    account: str
    response_id: str
    unknown: NotFound | None = None
    key: ContentKey | None = None
    room: BorrowedRoom = field(default_factory=lambda: BorrowedRoom(unbounded))

    def turn_of(self, response_id: str) -> TurnSlice | None:
        """Return the turn of one response, or None if it is not in this chain.

        The id of an item that was added to a conversation directly contains that of its entry.
        """
        for anchor in (response_id, alone_id(response_id)):
            found = self._find(OWN, anchor)
            if found is not None:
                return self._slice(found)
        return None

    def read(self, first: int, last: int, *, is_rising: bool = True) -> TurnSlice:
        """Return the turns at these depths that exist; only some of them if they are long."""
        found = self._find((first, last), is_rising=is_rising)
        if found is None:
            raise self.unknown or unknown_response(self.response_id)
        return self._slice(found, is_rising=is_rising)

    def forget(self) -> None:
        """Give back the room for what was read."""
        self.room.give_back()

    def _find(
        self, depths: tuple[int, int], anchor: str = "", *, is_rising: bool = True
    ) -> ChainPart | None:
        page: tuple[PageKind] = ("rising",) if is_rising else ("falling",)
        return self.chains.find(self.account, self.response_id, depths, anchor, self.key, page)

    def _slice(self, found: ChainPart, *, is_rising: bool = True) -> TurnSlice:
        """Return the turns that were found, as many as may be unpacked together."""
        depths = range(found.start, found.start + len(found.entries))
        turns: deque[tuple[Item | None, ...]] = deque()
        json_bytes = 0
        for depth in depths if is_rising else reversed(depths):
            if json_bytes > PAGE_BYTES:
                break
            entry = found.entries[depth - found.start]
            items, size = self._items(entry, found.gone, is_last=depth == found.position.depth)
            json_bytes += size
            (turns.append if is_rising else turns.appendleft)(items)
        start = depths.start if is_rising else depths.stop - len(turns)
        is_full = found.is_cut or json_bytes > PAGE_BYTES
        return TurnSlice(start, found.position.depth, turns, is_full)

    def _items(
        self, entry: bytes, gone: frozenset[str], *, is_last: bool
    ) -> tuple[tuple[Item | None, ...], int]:
        """Return the listed items of an entry, None for removed ones, and its size in bytes."""
        tag = tag_of(self.response_id) or ""
        given, made, _, json_bytes = self.entries.items(entry, self.key, tag, self.room)
        items = given if is_last and is_response_id(self.response_id) else given + made
        if not gone:
            return items, json_bytes
        left = (None if is_among(gone, item.id, self.key) else item for item in items)
        return tuple(left), json_bytes
