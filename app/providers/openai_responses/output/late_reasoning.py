"""Calls that wait for the end of the reasoning before them. Pure.

OpenRouter ends its items in any order: what must travel back with reasoning comes with its end,
which may be said when the call that it led to has ended. Sent back without it, a call is one that
nobody thought about; behind it, the reasoning leads to nothing, and is refused.
"""

from __future__ import annotations

from app.domain.stream.deltas import Delta
from app.providers.openai_responses.output.items import OutputItem


class LateReasoning:
    """What calls say while reasoning, `item`, is yet to end; None where none is waited for."""

    def __init__(self) -> None:
        self.item: OutputItem | None = None
        self._waiting: list[Delta] = []

    def pass_on(self, item: OutputItem, deltas: list[Delta]) -> list[Delta]:
        """Return what an item says, or nothing yet."""
        if self.item is None or item is self.item:
            return deltas
        self._waiting += deltas
        return []

    def release(self) -> list[Delta]:
        """Return what has waited: the reasoning has ended."""
        waiting, self._waiting, self.item = self._waiting, [], None
        return waiting
