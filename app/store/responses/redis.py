"""The store of responses in Redis.

A conversation is an index, which says where each response's turn is, and logs of turns. A turn that
continues the last of its log is appended; one that continues an earlier turn begins a new log,
which records where it forked. So each item is stored once, a context is the part of each log that
leads to its turn, and turns of other branches are never part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.cluster import RedisCluster

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import alone_id, tag_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Turn
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Safety
from app.store.connection.script import Call, run_all
from app.store.keys import Keys, list_score
from app.store.responses.base import Forgotten, unknown_response
from app.store.responses.chains import OWN, SIZED, WHOLE, ChainPart, Chains, PagedChain, PageKind
from app.store.responses.entries import Entries
from app.store.responses.packed.entry_parts import PURGED
from app.store.responses.packed.homes import ItemHomes
from app.store.responses.packed.packed_turn import PackedTurn
from app.store.responses.paging import page
from app.store.responses.purge_marks import purge_marks
from app.store.responses.scripts import COMMIT, CUTS, HIDE, TOUCH
from app.store.responses.stored_bytes import StoredBytes
from app.store.room import BorrowedRoom, Room, unbounded


class RedisStore:
    """Implements ResponseStore on any Redis >= 6.2, Sentinel and Cluster included.

    With `wait_replicas` a response counts as saved, or deleted, once so many replicas have that
    write. If they do not confirm within `wait_s`, which must be less than the client's time-out,
    the write stands and Unconfirmed says that it might still be lost. Every method may be repeated
    after StorageUnavailable: nothing takes effect twice. Long data is read once there is `room` for
    it: methods that read raise what `room` raises.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        *,
        wait_replicas: int = 0,
        wait_s: float = 2.0,
        now: Callable[[], float] = time.time,
        room: Room = unbounded,
    ) -> None:
        self._redis: Any = client
        self._is_cluster = isinstance(client, RedisCluster)
        self._keys = Keys(prefix)
        self.room = room
        self._entries = Entries(room)
        self._chains = Chains(client, self._keys, room)
        self._homes = ItemHomes(client, self._keys)
        self._stored = StoredBytes(client, self._keys)
        self.safety = Safety(wait_replicas, wait_s)
        self._now = now

    def save(self, turn: Turn) -> bool:
        """Store a terminal response; every process sees it at once."""
        return self._save(self._entries.packed(turn), self.safety)

    def keep(self, turn: Turn | PackedTurn) -> bool:
        """Save a response without waiting for replicas."""
        return self._save(turn if isinstance(turn, PackedTurn) else self.packed(turn), ONE_SERVER)

    def _save(self, turn: PackedTurn, safety: Safety) -> bool:
        with translated():
            committed, reached = self._committed(turn, safety)
            if committed is None:
                raise unknown_response(turn.response_id)
            standing, size = committed
            self._stored.follow(turn.account, size)
        safety.require(reached)
        return bytes(standing).decode() == turn.status

    def packed(self, turn: Turn) -> PackedTurn:
        """Return a turn as this store takes it."""
        return self._entries.packed(turn)

    def marks(self, turn: Turn) -> list[Command]:
        """Return the commands that list a turn in the account's keys, before it is stored.

        If it never is stored, they do no harm.
        """
        packed = self._entries.packed(turn, b"")
        return [*self._begins(packed), self._listing(packed), *self._marks(packed)]

    def unlist(self, account: str, response_id: str) -> None:
        """Remove from the account's lists a response that was never stored. Raises RedisError.

        Its conversation goes, too, if nothing is stored of that.
        """
        tag = _tag(response_id)
        self._redis.zrem(self._keys.responses(account), response_id)
        if not self._redis.exists(self._keys.index(tag)):
            self._redis.zrem(self._keys.conversations(account), tag)

    def _marks(self, turn: PackedTurn) -> list[Command]:
        marks = purge_marks(self._keys, turn)
        return self._homes.entering(turn.account, turn.homes) + marks if turn.homes else marks

    def confirm(self, response_id: str, wait_s: float) -> None:
        """Return once enough replicas have what was kept.

        Raises:
            Unconfirmed: they did not confirm within `wait_s`, or the server that had it is lost.
        """
        if not self.safety.replicas:
            return
        touch = TOUCH((self._keys.index(_tag(response_id)),), (response_id,))
        with translated():
            (known,), reached = self.safety.attempt(self._redis, touch, wait_s=wait_s)
        if not known:
            raise Forgotten("The response was lost with the server that had it: keep it again.")
        self.safety.require(reached)

    def _committed(self, turn: PackedTurn, safety: Safety) -> tuple[Any, int]:
        """Commit a turn; return the program's reply, and how many replicas have it."""
        tag, before = _tag(turn.response_id), self._marks(turn)
        keys = [self._keys.index(tag)]
        arguments = (*turn.arguments, self._keys.news, list_score(turn.created_at, self._now()))
        if self._is_cluster:  # where the account's keys may be on other servers
            return self._spread(turn, COMMIT(keys, arguments), before, safety)
        keys += [*self._stored.keys(turn.account), self._keys.responses(turn.account)]
        if turn.parent is None:
            keys.append(self._keys.conversations(turn.account))
            arguments += (tag,)
        results, reached = safety.attempt(self._redis, *before, COMMIT(keys, arguments))
        return results[-1], reached

    def _spread(
        self, turn: PackedTurn, commit: Call, marks: Sequence[Command], safety: Safety
    ) -> tuple[Any, int]:
        """Commit a turn on a Cluster, as `_committed` does.

        Its entry in the account's list needs no order: if no replicas are waited for it is sent
        together with the turn, in one round trip to each of the two servers.
        """
        before, both = [*self._begins(turn), *marks], (self._listing(turn), commit)
        if safety.replicas:
            results, reached = safety.attempt(self._redis, *before, *both)
        else:
            if before:
                safety.attempt(self._redis, *before)
            results, reached = run_all(self._redis, both), 0
        if results[-1] is None:  # its parent is gone
            self.unlist(turn.account, turn.response_id)
        return results[-1], reached

    def _listing(self, turn: PackedTurn) -> Command:
        """Return the command that enters a response into its account's list."""
        score = list_score(turn.created_at, self._now())
        return ("ZADD", self._keys.responses(turn.account), "NX", score, turn.response_id)

    def _begins(self, turn: PackedTurn) -> list[Command]:
        """Return the command that lists a new conversation; none for a turn that has a parent."""
        if turn.parent is not None:
            return []
        key = self._keys.conversations(turn.account)
        return [("ZADD", key, turn.created_at, _tag(turn.response_id))]

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        """Return a stored turn."""
        found = self._found(account, response_id, OWN, key, SIZED)
        turn = self._turn(found, account, response_id, key)
        if found.borrowed is not None:
            found.borrowed.give_back()
        return turn

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        """Return where a response was cut into events; b"" if it was not streamed."""
        tag, found = tag_of(response_id), None
        if tag is not None:
            arguments = (account, response_id, check_value(key, response_id))
            with translated():
                found = CUTS((self._keys.index(tag),), arguments).run(self._redis)
        if found is None:
            raise unknown_response(response_id)
        cuts, is_encrypted = bytes(found[0]), found[1]
        return self._entries.opened_cuts(cuts, response_id, key if is_encrypted else None)

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        """Hide a response; turns that continue it keep their full context."""
        self._found(account, response_id, OWN, key)
        now = int(self._now())
        # First add it to the purge index: an entry without effect does no harm.
        mark = ("ZADD", self._keys.deleted, now, response_id)
        arguments = (account, response_id, now, check_value(key, response_id))
        hide = HIDE((self._keys.index(_tag(response_id)),), arguments)
        unlist = ("ZREM", self._keys.responses(account), response_id)
        with translated():
            _, hidden, _ = self.safety.run(self._redis, mark, hide, unlist)
        if not hidden:
            raise unknown_response(response_id)

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a turn that continues `response_id`.

        It takes one round trip while the conversation is short, and two for any number of turns and
        forks.
        """
        found, tag = self._found(account, response_id, WHOLE, key), _tag(response_id)
        items, inputs = self._entries.all_items(found.entries, found.gone, key, tag)
        tools = self._entries.tools(found.entries[-1], found.common, key, tag)
        purged = self._entries.purged(found.entries)
        if found.borrowed is not None:
            found.borrowed.give_back()
        return Context(tuple(items), tools, found.position, tuple(inputs), purged)

    def input_items(
        self,
        account: str,
        response_id: str,
        query: PageQuery,
        key: ContentKey | None = None,
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input.

        It takes one round trip, one more for each of `after` and `before`, and more if turns are
        many or long.
        """
        room = BorrowedRoom(self.room)
        chain = PagedChain(self._chains, self._entries, account, response_id, key=key, room=room)
        return page(chain, query)

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        """Return those of these items that the account has stored, by id (S5)."""
        homes = sorted(set(self._homes.find(account, item_ids, key).values()))
        entries = self._chains.own(account, homes, key)
        if len(entries) < len(homes):  # some may have been added to a conversation directly
            entries += self._chains.own(account, list(map(alone_id, homes)), key)
        stored = {item.id: item for item in self._entries.all_items(entries, key=key)[0]}
        return {item_id: stored[item_id] for item_id in item_ids if item_id in stored}

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored."""
        return self._stored.of(account)

    def require_room(self) -> None:
        """Do nothing: only a write shows whether Redis takes it."""

    def ping(self) -> None:
        """Check that the store answers; raise StorageUnavailable if not."""
        with translated():
            self._redis.ping()

    def _found(
        self,
        account: str,
        response_id: str,
        depths: tuple[int, int],
        key: ContentKey | None,
        page: tuple[PageKind] | tuple[()] = (),
    ) -> ChainPart:
        found = self._chains.find(account, response_id, depths, key=key, page=page)
        if found is None or not found.entries or found.entries[-1] == PURGED:
            raise unknown_response(response_id)
        return found

    def _turn(
        self, found: ChainPart, account: str, response_id: str, key: ContentKey | None
    ) -> Turn:
        own = found.entries[-1]
        return self._entries.turn(own, account, response_id, found.parent, found.common, key)


def _tag(response_id: str) -> str:
    tag = tag_of(response_id)
    if tag is None:
        raise ValueError(f"{response_id!r} is no id that this gateway mints")
    return tag
