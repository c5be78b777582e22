"""Reduces an input that an upstream has refused (S8, U11). Pure."""

from __future__ import annotations

from app.domain.items import Item, Reasoning
from app.domain.turns.truncation import without_oldest
from app.errors import ContextLengthExceeded, ReasoningRefused

MAX_TRUNCATIONS = 4


class ReducibleInput:
    """The items of a request, fewer after each `reduce`; `may_truncate` allows dropping turns."""

    def __init__(self, items: tuple[Item, ...], *, may_truncate: bool) -> None:
        self.items = items
        self._truncations_left = MAX_TRUNCATIONS if may_truncate else 0
        self._last_excess: int | None = None

    def reduce(self, error: ContextLengthExceeded | ReasoningRefused) -> bool:
        """Drop what the upstream refused; return False if there was nothing (more) to drop."""
        before = self.items
        if isinstance(error, ReasoningRefused):
            self.items = tuple(item for item in before if not isinstance(item, Reasoning))
        elif self._truncations_left:
            self._truncations_left -= 1
            self.items = without_oldest(before, self._excess(error))
        return self.items != before

    def _excess(self, error: ContextLengthExceeded) -> int | None:
        """Return by how many tokens the input is too long; None if the error gives no measure.

        vLLM stops counting one past its limit ("at least"): an excess that did not shrink with the
        input does not measure it.
        """
        excess, last = error.excess_tokens, self._last_excess
        self._last_excess = excess
        return None if excess is not None and last is not None and excess >= last else excess
