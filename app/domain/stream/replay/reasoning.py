"""Remakes the events of a reasoning item's own text (A3)."""

from __future__ import annotations

from app.domain.items import Reasoning
from app.domain.stream.call_events import (
    ReasoningPartAdded,
    ReasoningPartDone,
    ReasoningTextDelta,
    ReasoningTextDone,
)
from app.domain.stream.events import (
    Event,
)
from app.domain.stream.replay.codes import Code

CODES = frozenset(
    {
        Code.REASONING,
        Code.REASONING_PART_ADDED,
        Code.REASONING_TEXT_DONE,
        Code.REASONING_PART_DONE,
    }
)


class ReasoningReplay:
    """Which part of the text is being remade, and how much of it has been."""

    def __init__(self) -> None:
        self._part = -1
        self._at = 0

    def event(self, number: int, code: int, size: int, item: Reasoning, index: int) -> Event:
        """Return the next event, a delta of `size` characters if it is one."""
        if code == Code.REASONING_PART_ADDED:
            self._part, self._at = self._part + 1, 0
            return ReasoningPartAdded(number, item.id, index, self._part)
        where, text = (item.id, index, self._part), item.content[self._part]
        if code == Code.REASONING:
            piece = text[self._at : self._at + size]
            self._at += size
            return ReasoningTextDelta(number, *where, piece)
        kind = ReasoningTextDone if code == Code.REASONING_TEXT_DONE else ReasoningPartDone
        return kind(number, *where, text)
