"""Track how far an item's parts have been read."""

from __future__ import annotations

from app.domain.stream.deltas import Delta, PartEnded
from app.providers.reading.counts import whole_number
from app.providers.reading.fields import TextProgress


class PartCursor:
    """The current part of an item, and how much of it has been read.

    `index` is the part's index, `text` the progress of its text, `notes` counts its annotations,
    `tokens` its log probabilities.
    """

    def __init__(self) -> None:
        self.index = 0
        self.text = TextProgress()
        self.notes = self.tokens = 0
        self._last = 0  # the last index whose events belong to the current part
        self._begun = self._is_announced = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing has come yet."""
        return not (self.index or self._begun)

    def announce(self, index: object) -> list[Delta]:
        """Move to the part at `index`, as an event of its own says that it begins."""
        deltas = self.reach(index, is_place=True)
        if deltas is None:
            return []
        self._is_announced = True
        return deltas

    def reach(self, index: object, *, is_place: bool = False) -> list[Delta] | None:
        """Move to the part at `index`, by default the current one; None if that has ended.

        A piece under a later index, while a part is open that was announced, belongs to that part:
        vLLM counts the pieces (vllm-project/vllm PR 23741). `is_place` says that the index is the
        part's place in the item.
        """
        number = index if type(index) is int else whole_number(index)
        if number is None or number == self.index:
            self._begun = True
            return []
        if number < self.index:
            return None
        if number <= self._last or (self._is_announced and not is_place):
            self._last = max(self._last, number)
            return []
        deltas = self.end()
        self.index = self._last = number
        self._begun = True
        return deltas

    def end(self) -> list[Delta]:
        """End the current part, if it has begun."""
        if not self._begun:
            return []
        self.index = self._last = self._last + 1
        self._begun = self._is_announced = False
        self.notes = self.tokens = 0
        self.text = TextProgress()
        return [PartEnded()]

    def rest(self, text: str) -> str:
        """Return what is new in the current part's whole text."""
        rest = self.text.rest(text)
        self.text.add(rest)
        return rest
