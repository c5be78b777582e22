"""Windows and flights in this process's memory."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection

from app.store.rate_limits.base import (
    FLIGHT_RETRY_S,
    SLOTS,
    Demand,
    Flight,
    Lease,
    Level,
    Settlement,
    Verdict,
    Window,
)

_Key = tuple[str, str]


class MemoryWindowStore:
    """A WindowStore that forgets everything when the process ends. `clock`: Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._amounts: defaultdict[_Key, dict[int, int]] = defaultdict(dict)
        self._leases: defaultdict[_Key, dict[str, float]] = defaultdict(dict)

    def demand(self, demand: Demand) -> Verdict:
        account, windows = demand.lease.account, demand.windows
        with self._lock:
            now = self._clock()
            waits: list[tuple[float, Window | Flight]] = [
                (self._wait_s(account, window, amount, now), window) for window, amount in windows
            ]
            waits += [(self._flight_wait_s(account, each, now), each) for each in demand.flights]
            retry_after_s, refused_by = max(waits, key=lambda wait: wait[0])
            if not retry_after_s:
                self._count(demand, now)
            levels = tuple(self._level(account, window, now) for window, _ in windows)
        return Verdict(now, levels, refused_by if retry_after_s else None, retry_after_s)

    def settle(self, settlement: Settlement) -> None:
        lease = settlement.lease
        with self._lock:
            now = self._clock()
            for window, wanted, counted in settlement.changes:
                change = max(wanted, -counted)
                amounts = self._current(lease.account, window, now)
                slot = _slot(window, settlement.at)
                if slot < _slot(window, now) - SLOTS:
                    slot, change = _slot(window, now), max(0, change)
                amounts[slot] = max(0, amounts.get(slot, 0) + change)
            for flight in lease.flights:
                self._leases[lease.account, flight].pop(lease.id, None)

    def renew(self, leases: Collection[Lease]) -> None:
        with self._lock:
            now = self._clock()
            for lease in leases:
                for flight in lease.flights:
                    held = self._leases[lease.account, flight]
                    if held.get(lease.id, now) > now:
                        held[lease.id] = now + lease.for_s

    def _count(self, demand: Demand, now: float) -> None:
        lease = demand.lease
        for window, amount in demand.windows:
            amounts, slot = self._current(lease.account, window, now), _slot(window, now)
            amounts[slot] = amounts.get(slot, 0) + amount
        for flight in lease.flights:
            self._leases[lease.account, flight][lease.id] = now + lease.for_s

    def _current(self, account: str, window: Window, now: float) -> dict[int, int]:
        """Return the amounts of a window by slot, without what has left it."""
        amounts = self._amounts[account, window.name]
        for slot in [slot for slot in amounts if slot < _slot(window, now) - SLOTS]:
            del amounts[slot]
        return amounts

    def _wait_s(self, account: str, window: Window, amount: int, now: float) -> float:
        amounts = self._current(account, window, now)
        excess = sum(amounts.values()) + amount - window.limit
        if excess <= 0:
            return 0.0
        for slot in sorted(amounts):
            excess -= amounts[slot]
            if excess <= 0:
                return _leaves_at(window, slot) - now
        return float(window.span_s)

    def _flight_wait_s(self, account: str, flight: Flight, now: float) -> float:
        held = self._leases[account, flight.name]
        for lease_id in [lease_id for lease_id, end in held.items() if end <= now]:
            del held[lease_id]
        return 0.0 if len(held) < flight.limit else FLIGHT_RETRY_S

    def _level(self, account: str, window: Window, now: float) -> Level:
        amounts = self._current(account, window, now)
        counted = [slot for slot, amount in amounts.items() if amount]
        reset_s = _leaves_at(window, max(counted)) - now if counted else 0.0
        return Level(max(0, window.limit - sum(amounts.values())), reset_s)


def _slot(window: Window, at: float) -> int:
    return int(at * SLOTS // window.span_s)


def _leaves_at(window: Window, slot: int) -> float:
    return (slot + SLOTS + 1) * window.span_s / SLOTS
