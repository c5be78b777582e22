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
        self._begun = False

    def reach(self, index: object) -> list[Delta] | None:
        """Move to the part at `index`, by default the current one; None if that has ended."""
        number = index if type(index) is int else whole_number(index)
        if number is None or number == self.index:
            self._begun = True
            return []
        if number < self.index:
            return None
        deltas = self.end()
        self.index, self._begun = number, True
        return deltas

    def end(self) -> list[Delta]:
        """End the current part, if it has begun."""
        if not self._begun:
            return []
        self.index, self._begun = self.index + 1, False
        self.notes = self.tokens = 0
        self.text = TextProgress()
        return [PartEnded()]

    def rest(self, text: str) -> str:
        """Return what is new in the current part's whole text."""
        rest = self.text.rest(text)
        self.text.add(rest)
        return rest
