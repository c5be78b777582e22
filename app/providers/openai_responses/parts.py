"""Where one stands among an item's parts, and what parts hold besides text."""

from __future__ import annotations

from app.domain.stream.deltas import Delta, PartEnded


class Parts:
    """Where one stands among parts that follow one another.

    `index` is that of the current part, `size` how many of its characters have been told, `notes`
    how many of its annotations.
    """

    def __init__(self) -> None:
        self.index = 0
        self.size = 0
        self.notes = 0
        self._begun = False

    def reach(self, index: object) -> list[Delta] | None:
        """Go to the part that an event names, by default the current one; None if it is past."""
        if not isinstance(index, int) or index == self.index:
            self._begun = True
            return []
        if index < self.index:
            return None
        deltas = self.end()
        self.index, self._begun = index, True
        return deltas

    def end(self) -> list[Delta]:
        """End the current part, if it has begun."""
        if not self._begun:
            return []
        self.index, self.size, self.notes, self._begun = self.index + 1, 0, 0, False
        return [PartEnded()]

    def rest(self, text: str) -> str:
        """Return what of the current part's whole text has not been told."""
        rest = text[self.size :]
        self.size += len(rest)
        return rest
