"""Reads conversations as trees of turns from Redis: who continues whom, and what each is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import is_response_id, tag_of
from app.domain.response import Status
from app.domain.turns.summary import (
    ConversationTree,
    ResponseSummary,
    TreeNode,
    first_text,
    newest_text,
)
from app.store.connection.client import Client
from app.store.connection.script import run_all
from app.store.jobs.payload import load_pending
from app.store.keys import Keys
from app.store.listings.peeking import MOST_BYTES, Peeking, TooLong
from app.store.listings.scripts import ENTRIES, TREE
from app.store.listings.shape import TreeShape, age
from app.store.responses.entries import Entries
from app.store.responses.layout import Record, layout_of
from app.store.responses.packed.entry_parts import is_sealed
from app.store.responses.packed.homes import is_among

#: Maximum number of nodes shown, the newest; and of fields in an index (a turn has two or three):
#: of a larger one only the requested response is shown.
MOST_NODES, MOST_FIELDS = 1_000, 10_000
#: Maximum bytes of entries read for a tree; and maximum size of entries that are read whole.
READ_BYTES, WHOLE_BYTES = 16_000_000, 32_768
#: Number of nodes after which others may run.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Call:
    """Who reads which conversation."""

    account: str
    any_id: str
    tag: str
    key: ContentKey | None


class Trees:
    """Reads trees. `pause` is called regularly, to let others run.

    Its methods raise what redis-py raises.
    """

    def __init__(
        self,
        client: Client,
        keys: Keys,
        peeking: Peeking,
        entries: Entries,
        pause: Callable[[], None],
    ) -> None:
        self._redis: Any = client
        self._pause = pause
        self._keys = keys
        self._peeking = peeking
        self._entries = entries

    def tree(self, account: str, any_id: str, key: ContentKey | None) -> ConversationTree | None:
        """Return the tree of an id; None if the account may see nothing under that id."""
        tag = tag_of(any_id)
        if tag is None:
            return None
        call = _Call(account, any_id, tag, key)
        arguments = (account, any_id, check_value(key, any_id), MOST_FIELDS)
        reply = TREE((self._keys.index(tag),), arguments).run(self._redis)
        if reply is None:
            return None
        index, expired = reply
        if not index:
            return self._part(call)
        shape = TreeShape(layout_of(tag, index, expired), index, key)
        chosen, is_cut = shape.newest(MOST_NODES, any_id)
        nodes = list(self._nodes(call, shape, chosen))
        gone, more_are_gone = shape.gone_behind(chosen, MOST_NODES)
        nodes += [TreeNode(each.response_id, shape.parent_id(each), is_gone=True) for each in gone]
        ages = {each.response_id: age(each) for each in (*chosen, *gone)}
        nodes.sort(key=lambda each: (each.created_at or 0, ages[each.id]))
        return ConversationTree(
            any_id, shape.conversation_id, tuple(nodes), is_cut or more_are_gone
        )

    def _part(self, call: _Call) -> ConversationTree:
        """Return the requested node of a tree that is too large to be read."""
        nodes: tuple[TreeNode, ...] = ()
        conversation = call.any_id
        if is_response_id(call.any_id):
            (found,) = self._peeking.peek(call.account, [call.any_id], call.key).summaries
            if found is not None:
                parent = found.previous_response_id
                nodes = (TreeNode(found.id, parent, found, found.created_at, found.input_text),)
            conversation = (found and found.conversation) or ""
        return ConversationTree(call.any_id, conversation or None, nodes, is_cut=True)

    def _nodes(self, call: _Call, shape: TreeShape, chosen: Sequence[Record]) -> Iterator[TreeNode]:
        """Yield the nodes of the chosen records, with what each is about."""
        index = self._keys.index(call.tag)
        places = [part for each in chosen for part in shape.place(each)]
        read = ENTRIES((index,), (READ_BYTES, WHOLE_BYTES, MOST_BYTES, *places))
        found, removed = run_all(self._redis, [read, ("HKEYS", f"{index}:removed")])
        names = frozenset(name.decode() for name in removed)
        for number, (record, data) in enumerate(zip(chosen, found, strict=True)):
            if number % AT_ONCE == 0:
                self._pause()
            if record.status == "items":
                yield self._items_node(call, shape, record, data, names)
            else:
                yield self._response_node(call, shape, record, data)

    def _response_node(
        self, call: _Call, shape: TreeShape, record: Record, data: bytes
    ) -> TreeNode:
        bare = ResponseSummary(
            record.response_id,
            record.created_at or 0,
            cast(Status, record.status),
            record.is_encrypted,
        )
        key, parent = call.key if record.is_encrypted else None, None
        if record.position.depth >= 0:
            summary = self._peeking.ended(bare, call.account, data, key)
            parent = shape.parent_id(record)
        else:
            summary = self._peeking.pending(bare, data, key)
            parent = self._parent_of_pending(shape, data, bare.id, key)
        return TreeNode(bare.id, parent, summary, summary.created_at or None, summary.input_text)

    def _parent_of_pending(
        self, shape: TreeShape, data: bytes, response_id: str, key: ContentKey | None
    ) -> str | None:
        if not data:
            return None
        _, _, position = load_pending(data, response_id, key)
        return None if position is None else shape.id_at(position)

    def _items_node(
        self,
        call: _Call,
        shape: TreeShape,
        record: Record,
        data: bytes,
        removed: frozenset[str],
    ) -> TreeNode:
        """Return the node of items alone; items removed from the conversation are not shown."""
        text = None
        if data:
            key = call.key if is_sealed(data) else None
            with suppress(TooLong):
                items = self._entries.items(data, key, call.tag).given
                left = [each for each in items if not is_among(removed, each.id, key)]
                text = newest_text(left) or first_text(left)
        return TreeNode(record.response_id, shape.parent_id(record), None, record.created_at, text)
