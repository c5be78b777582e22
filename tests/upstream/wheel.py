"""Timers by the millisecond: a thousand paced streams cost one wake-up a slot, not one an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SLOTS_PER_S = 1000


class Wheel:
    """Calls back at times of the loop's clock, each at most a millisecond late by design."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, list[Callable[[], None]]] = {}

    def call_at(self, due: float, go: Callable[[], None]) -> None:
        """Call `go` when `due` has come. It cannot be taken back: `go` has to know."""
        slot = int(due * _SLOTS_PER_S) + 1
        if slot in self._slots:
            self._slots[slot].append(go)
        else:
            self._slots[slot] = [go]
            self._loop.call_at(slot / _SLOTS_PER_S, self._turn, slot)

    def _turn(self, slot: int) -> None:
        for go in self._slots.pop(slot):
            go()
