"""Loops that nobody else would take up: a fault ends one round of theirs, and not the loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.errors import StorageUnavailable
from app.telemetry.counts import STORE_FAILURES
from app.telemetry.errors import unexpected


@contextmanager
def surviving(place: str) -> Iterator[None]:
    """Have what a round raises end it, counted; the next one may do better.

    An unreachable store is counted under `place`, all else is a bug there (`unexpected`).
    """
    try:
        yield
    except StorageUnavailable:
        STORE_FAILURES.labels(place).inc()
    except Exception as bug:  # noqa: BLE001 - the loop would end with it, and all that it does
        with suppress(Exception):
            unexpected(bug, place, place)
