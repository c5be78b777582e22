"""Exports traces: a bounded queue, and a thread that lives while something is in it.

Nothing waits for the collector. Spans that it does not accept are counted and dropped; its failure
is logged once, and its recovery, too. The thread starts with the first trace, so never before the
server forks, and does not keep the process alive.
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
    "gateway_trace_spans_lost", "Spans that the collector did not accept, or not in time."
)
#: Seconds for which a process that ends waits for its last spans to be sent.
LAST_S = 2.0

#: Sends traces; returns None, or the reason of a failure in a word or two.
Export = Callable[[Sequence[Recording]], str | None]


class TraceQueue:
    """Sends recordings `delay_s` seconds after the first, in groups of about `batch` spans.

    At most `most` spans wait.
    """

    def __init__(self, export: Export, *, most: int, batch: int, delay_s: float) -> None:
        self._export = export
        self._most = most
        self._batch = batch
        self._delay_s = delay_s
        self._waiting: deque[Recording] = deque()
        self._spans = 0  # an estimate, counted without a lock
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False
        atexit.register(self.close)

    def add(self, recording: Recording) -> None:
        """Queue a recording, if the queue has space. Does not block."""
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
        """Send what waits, for at most LAST_S seconds."""
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
            except RuntimeError:  # no thread to be had: the next trace may get one
                self._thread = None

    def _work(self) -> None:
        while True:
            self._hurry.wait(self._delay_s)
            while self._waiting:
                self._send_some()
            with self._lock:
                ours, self._thread = self._thread, None
                if not self._waiting:  # later recordings find no thread, and start one
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
                remedy="check the collector at OTEL_EXPORTER_OTLP_ENDPOINT; requests go on",
            )
        elif fault is None and self._is_failing:
            log.info("traces_taken_again")
        self._is_failing = fault is not None
