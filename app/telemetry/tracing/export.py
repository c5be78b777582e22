"""Traces on their way out: a bounded queue, and a thread that lives while there is something in it.

Nobody waits for the collector. What it does not take is counted and forgotten; that it takes
nothing is said once, and again when it does. The thread begins with the first trace, so never
before the server forks, and keeps no process from ending.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Sequence

from prometheus_client import Counter

from app.telemetry.logs import log
from app.telemetry.tracing.spans import Recording

TRACES_LOST = Counter(
    "gateway_trace_spans_lost", "Spans that the collector has not taken, or not in time."
)
#: How long a process that ends waits for what it sends last, in seconds.
LAST_S = 2.0

#: Sends traces; returns None, or why it could not, in a word or two.
Export = Callable[[Sequence[Recording]], str | None]


class TraceQueue:
    """Sends recordings `delay_s` after the first, `batch` spans or more at once.

    No more than `most` spans wait.
    """

    def __init__(self, export: Export, *, most: int, batch: int, delay_s: float) -> None:
        self._export = export
        self._most = most
        self._batch = batch
        self._delay_s = delay_s
        self._waiting: deque[Recording] = deque()
        self._spans = 0  # an estimate: it is counted without a lock
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False
        atexit.register(self.close)

    def add(self, recording: Recording) -> None:
        """Have a recording sent, if there is room for it. Waits for nothing."""
        count = len(recording.spans)
        if self._spans + count > self._most:
            TRACES_LOST.inc(count)
            return
        if recording.dropped:
            TRACES_LOST.inc(recording.dropped)
        self._spans += count
        self._waiting.append(recording)
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Send what waits, if that takes no longer than LAST_S."""
        self._hurry.set()
        thread = self._thread
        if thread is not None and not self._is_failing:
            thread.join(LAST_S)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the system has none to give: the next trace may get one
                self._thread = None

    def _work(self) -> None:
        while True:
            self._hurry.wait(self._delay_s)
            while self._waiting:
                self._send_some()
            with self._lock:
                ours, self._thread = self._thread, None
                if not self._waiting:  # what comes from here on finds no thread, and begins one
                    return
                self._thread = ours

    def _send_some(self) -> None:
        recordings: list[Recording] = []
        count = 0
        while self._waiting and count < self._batch:
            recordings.append(self._waiting.popleft())
            count += len(recordings[-1].spans)
        self._spans -= count
        try:
            fault = self._export(recordings)
        except Exception as bug:  # noqa: BLE001 - a trace that cannot be sent harms nobody
            fault = type(bug).__name__
        if fault is not None:
            TRACES_LOST.inc(count)
        if fault is not None and not self._is_failing:
            log.warning(
                "traces_not_taken",
                reason=fault,
                remedy="see to the collector at OTEL_EXPORTER_OTLP_ENDPOINT; requests go on",
            )
        elif fault is None and self._is_failing:
            log.info("traces_taken_again")
        self._is_failing = fault is not None
