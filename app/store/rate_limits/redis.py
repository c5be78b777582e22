"""Windows and flights in Redis: one Lua program decides about everything that a request wants.

So a request that one limit refuses takes nothing from the others, and it costs one round trip
whatever the number of limits. Time is Redis's own, the same for every process and host. The
keys are told in lua/counting.lua.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, run_all
from app.store.rate_limits.base import (
    SLOTS,
    Demand,
    Flight,
    Lease,
    Level,
    Settlement,
    Verdict,
    Window,
)
from app.store.rate_limits.scripts import ACQUIRE, ADJUST, RENEW


class RedisWindowStore:
    """A WindowStore on any Redis >= 6.2, Cluster included.

    `prefix` begins every key; `clock` (Unix seconds) takes the place of Redis's own in tests.
    """

    def __init__(
        self, client: Client, prefix: str, clock: Callable[[], float] | None = None
    ) -> None:
        self._redis: Any = client
        self._prefix = prefix
        self._clock = clock

    def demand(self, demand: Demand) -> Verdict:
        lease, windows = demand.lease, demand.windows
        keys = [self._window(lease.account, window) for window, _ in windows]
        keys += [self._flight(lease.account, flight.name) for flight in demand.flights]
        arguments: list[str | int] = [self._now(), lease.id, _ms(lease.for_s), len(windows)]
        for window, amount in windows:
            arguments += (_width_ms(window), window.limit, amount)
        arguments += (flight.limit for flight in demand.flights)
        with translated():
            refused, wait, now, *levels = ACQUIRE(keys, arguments).run(self._redis)
        asked: list[Window | Flight] = [*(window for window, _ in windows), *demand.flights]
        return Verdict(
            at=now / 1000,
            levels=tuple(
                Level(left, reset / 1000)
                for left, reset in zip(levels[::2], levels[1::2], strict=True)
            ),
            refused_by=None if refused < 0 else asked[refused],
            retry_after_s=wait / 1000,
        )

    def settle(self, settlement: Settlement) -> None:
        with translated():
            self.settling(settlement).run(self._redis)

    def settling(self, settlement: Settlement) -> Call:
        """Return the settlement as a call, for others to run together with theirs."""
        lease, changes = settlement.lease, settlement.changes
        keys = [self._window(lease.account, window) for window, _, _ in changes]
        keys += [self._flight(lease.account, name) for name in lease.flights]
        arguments: list[str | int] = [self._now(), lease.id, _ms(settlement.at), len(changes)]
        for window, change, counted in changes:
            arguments += (_width_ms(window), change, counted)
        return ADJUST(keys, arguments)

    def renew(self, leases: Collection[Lease]) -> None:
        by_flight: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for lease in leases:
            for name in lease.flights:
                by_flight[self._flight(lease.account, name), _ms(lease.for_s)].append(lease.id)
        calls = [
            RENEW((key,), (self._now(), for_ms, *ids)) for (key, for_ms), ids in by_flight.items()
        ]
        if calls:
            with translated():
                run_all(self._redis, calls)

    def _now(self) -> str | int:
        return "" if self._clock is None else _ms(self._clock())

    def _window(self, account: str, window: Window) -> str:
        return f"{self._prefix}{{account:{account}}}:window:{window.name}"

    def _flight(self, account: str, name: str) -> str:
        return f"{self._prefix}{{account:{account}}}:flight:{name}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _width_ms(window: Window) -> int:
    return window.span_s * 1000 // SLOTS
