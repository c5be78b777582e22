"""Hold back calls until the reasoning before them has ended. Pure.

OpenRouter ends its items in any order: the payload to return for reasoning comes at its end, which
may be after the call that it led to. In the history, that call would lack its reasoning; and
reasoning after the call would have no output of its own, and be refused.
"""

from __future__ import annotations

from app.domain.stream.deltas import Delta
from app.providers.openai_responses.output.items import OutputItem


class LateReasoning:
    """The deltas of calls while a reasoning item, `item`, has not ended; None if none is open."""

    def __init__(self) -> None:
        self.item: OutputItem | None = None
        self._waiting: list[Delta] = []

    def pass_on(self, item: OutputItem, deltas: list[Delta]) -> list[Delta]:
        """Return an item's deltas, or [] if they have to wait."""
        if self.item is None or item is self.item:
            return deltas
        self._waiting += deltas
        return []

    def release(self) -> list[Delta]:
        """Return the deltas that waited, as the reasoning has ended."""
        waiting, self._waiting, self.item = self._waiting, [], None
        return waiting
