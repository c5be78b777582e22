"""What counts requests and tokens over time, and requests in flight, must be able to do.

A window is cut into SLOTS slots and counts those that are over and the one that is running: so
never more than its limit gets through in any `span_s` seconds, and what was counted leaves again
within a sixtieth of them more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

SLOTS = 60
#: Nobody knows when a place in flight gets free: ask again after so long.
FLIGHT_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` in any `span_s` seconds; `name` is its own within the account."""

    name: str
    span_s: int
    limit: int


@dataclass(frozen=True, slots=True)
class Flight:
    """At most `limit` requests at the same time; `name` is its own within the account."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's place in flights, which ends `for_s` seconds after it was last renewed."""

    id: str
    account: str
    flights: tuple[str, ...]
    for_s: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request wants, all of it or nothing: amounts of windows, places in flights.

    `lease` is for the flights; its account is who wants it. Something is wanted.
    """

    windows: tuple[tuple[Window, int], ...]
    flights: tuple[Flight, ...]
    lease: Lease


@dataclass(frozen=True, slots=True)
class Level:
    """What is left of a window, and in how many seconds all of it is there again."""

    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a demand, made at `at` (the store's clock, Unix seconds).

    `refused_by` is the window or flight that keeps the request out the longest, None when it
    was let in; `retry_after_s` is how long. `levels` are those of the windows, in order.
    """

    at: float
    levels: tuple[Level, ...]
    refused_by: Window | Flight | None = None
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to be put right once a request is over: changes of the amounts that were counted
    for it at `at`, and the end of its lease.

    A change is a window, what to add to it, and what was counted for the request there: no more
    than that is ever given back, whatever an upstream says that it took.
    """

    at: float
    changes: tuple[tuple[Window, int, int], ...]
    lease: Lease


class WindowStore(Protocol):
    """Counts exactly, whatever the number of processes that ask.

    Every method is one round trip and raises StorageUnavailable when the store is away.
    """

    def demand(self, demand: Demand) -> Verdict:
        """Count a request, or say what refuses it and count nothing."""
        ...

    def settle(self, settlement: Settlement) -> None:
        """Put right what was counted, and free the places in flight."""
        ...

    def renew(self, leases: Collection[Lease]) -> None:
        """Make leases last; one that has ended stays ended."""
        ...
