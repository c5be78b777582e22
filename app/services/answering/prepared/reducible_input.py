"""What is sent in place of an input that an upstream refuses: less of it (S8, U11). Pure."""

from __future__ import annotations

from app.domain.items import Item, Reasoning
from app.domain.turns.truncation import without_oldest
from app.errors import ContextLengthExceeded, ReasoningRefused

MAX_TRUNCATIONS = 4


class ReducibleInput:
    """The items of a request, fewer after each `reduce`; `may_truncate` says that turns may go."""

    def __init__(self, items: tuple[Item, ...], *, may_truncate: bool) -> None:
        self.items = items
        self._truncations_left = MAX_TRUNCATIONS if may_truncate else 0
        self._last_excess: int | None = None

    def reduce(self, error: ContextLengthExceeded | ReasoningRefused) -> bool:
        """Leave out what the upstream refused; return False where that is nothing (more)."""
        before = self.items
        if isinstance(error, ReasoningRefused):
            self.items = tuple(item for item in before if not isinstance(item, Reasoning))
        elif self._truncations_left:
            self._truncations_left -= 1
            self.items = without_oldest(before, self._excess(error))
        return self.items != before

    def _excess(self, error: ContextLengthExceeded) -> int | None:
        """Return by how many tokens the input is too long, None where the error does not tell.

        vLLM stops counting one past its limit ("at least"): an excess that has not shrunk with the
        input is no measure of it.
        """
        excess, last = error.excess_tokens, self._last_excess
        self._last_excess = excess
        return None if excess is not None and last is not None and excess >= last else excess
