"""A clock that is moved by being read: nothing falls due, however slow the machine is."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from unittest import mock

_STEP_S = 1e-6


@contextlib.contextmanager
def slowed() -> Iterator[None]:
    """Slow the clock down for whatever is imported inside.

    Keys are not looked up again then, and connections are not tried because they were idle.
    Threads beside the main one, which write something down a moment later, wait on.
    """
    wait = threading.Event.wait

    def patient(event: threading.Event, timeout: float | None = None) -> bool:
        is_main = threading.current_thread() is threading.main_thread()
        return wait(event, timeout if is_main else None)

    with (
        mock.patch.object(time, "time", _clock(time.time())),
        mock.patch.object(time, "monotonic", _clock(time.monotonic())),
        mock.patch.object(threading.Event, "wait", patient),
    ):
        yield


def _clock(start: float) -> Callable[[], float]:
    times = count(start, _STEP_S)
    return lambda: next(times)
