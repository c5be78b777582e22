"""Background loops: a fault ends one round of a loop, not the loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.errors import StorageUnavailable
from app.telemetry.counts import STORE_FAILURES
from app.telemetry.errors import unexpected


@contextmanager
def surviving(place: str) -> Iterator[None]:
    """Catch and count what a round raises; the next round may succeed.

    An unreachable store is counted under `place`, anything else is a bug there (`unexpected`).
    """
    try:
        yield
    except StorageUnavailable:
        STORE_FAILURES.labels(place).inc()
    except Exception as bug:  # noqa: BLE001 - otherwise the loop would end
        with suppress(Exception):
            unexpected(bug, place, place)
