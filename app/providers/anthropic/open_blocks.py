"""Track the open blocks of an answer by index, and put their deltas in order. Pure.

Anthropic itself ends a block before it begins the next; relays and other servers open several at
once, or omit starts, stops or indexes. Deltas of a block are held back until all blocks before it
have ended, so that they are in the same order as in the answer's whole form.
"""

from __future__ import annotations

from collections import deque

from app.domain.stream.deltas import Delta, ItemEnded
from app.errors import AnswerTooLong
from app.providers.anthropic.blocks import Block, ToolBlock, block_of
from app.providers.reading.budget import BOUNDS
from app.providers.reading.counts import whole_number
from app.providers.reading.fields import Json
from app.providers.reading.understanding import ContentReader


class _Slot:
    """A block with its deltas that are held back."""

    __slots__ = ("block", "has_ended", "is_stopped", "waiting")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.waiting: list[Delta] = []
        self.has_ended = False
        self.is_stopped = False  # its own stop event has come


class OpenBlocks:
    """The open blocks of one answer.

    The end of a call is reported only when something follows, or by `end_call`: the format stops
    a truncated block like any other.
    """

    def __init__(self, reader: ContentReader) -> None:
        self._reader = reader
        self._count = 0
        self._slots: deque[_Slot] = deque()  # deltas of the first are passed on at once
        self._by_index: dict[object, _Slot] = {}
        self._latest: _Slot | None = None
        self._call_is_open = False

    def start(self, block: Json, index: object) -> list[Delta]:
        """Open a block, which ends one before it that is not a call. Raises AnswerTooLong."""
        if len(self._slots) > BOUNDS.items:
            raise AnswerTooLong(f"more than {BOUNDS.items} output items")
        deltas: list[Delta] = []
        # This start ends an open block of the same index, and the first block unless it is a call:
        # only calls may be interleaved.
        if (same := self._by_index.get(_key(index))) is not None:
            deltas += self._end(same)
        if self._slots and not isinstance(self._slots[0].block, ToolBlock):
            deltas += self._end(self._slots[0])
        self._count += 1
        slot = _Slot(block_of(block, str(self._count), self._reader))
        self._slots.append(slot)
        self._by_index[_key(index)] = self._latest = slot
        if self._slots[0] is not slot:  # a call is before it
            slot.waiting += slot.block.begun()
            return deltas
        deltas += self.end_call()
        self._call_is_open = isinstance(slot.block, ToolBlock)
        return deltas + slot.block.begun()

    def grow(self, delta: Json, index: object) -> list[Delta]:
        """Add a delta to the block at `index`, or the latest if that is None; open it if needed."""
        slot = self._latest if index is None else self._by_index.get(_key(index))
        deltas: list[Delta] = []
        if slot is None or slot.has_ended:
            start = self._start_of(delta)
            if start is None or (slot is not None and slot.is_stopped):
                self._reader.note("unopened_block")
                return []
            deltas += self.start(start, index)
            slot = self._by_index[_key(index)]
        grown = slot.block.grown(delta)
        if self._slots[0] is slot:
            return deltas + grown
        slot.waiting += grown
        return deltas

    def stop(self, index: object) -> list[Delta]:
        """End the block at `index`, or the latest if that is None."""
        slot = self._latest if index is None else self._by_index.get(_key(index))
        if slot is None:
            return []
        slot.is_stopped = True
        return self._end(slot)

    def stop_all(self) -> list[Delta]:
        """End every block."""
        for slot in self._slots:
            slot.has_ended = True
        return self._drain()

    def end_call(self) -> list[Delta]:
        """End the latest call, if it is open."""
        if not self._call_is_open:
            return []
        self._call_is_open = False
        return [ItemEnded()]

    def _start_of(self, delta: Json) -> Json | None:
        """Return the missing start of a block, inferred from its first delta; None if it cannot."""
        if self._reader.string(delta, "text"):
            return {"type": "text"}
        return {"type": "thinking"} if self._reader.string(delta, "thinking") else None

    def _end(self, slot: _Slot) -> list[Delta]:
        slot.has_ended = True
        return self._drain()

    def _drain(self) -> list[Delta]:
        """Return the last deltas of blocks that have ended, and deltas that waited for them."""
        deltas: list[Delta] = []
        # When the first block has ended, the deltas held back for the next one follow; that block
        # may have ended meanwhile, too, and so on.
        while self._slots and self._slots[0].has_ended:
            deltas += self._slots.popleft().block.ended()
            if self._slots:
                following = self._slots[0]
                deltas += self.end_call()
                self._call_is_open = isinstance(following.block, ToolBlock)
                deltas += following.waiting
                following.waiting = []
        return deltas


def _key(index: object) -> int | None:
    # MEASURED: this is called for each delta, and nearly all indexes are integers.
    return index if type(index) is int else whole_number(index)
