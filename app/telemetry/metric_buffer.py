"""What has been counted and is not in the metrics yet."""

from __future__ import annotations

import _thread
import threading
from bisect import bisect_left
from collections import Counter as Counted
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import repeat

from prometheus_client import Counter, Histogram


class Timings(Histogram):
    """A histogram that takes many observations at once: what `observe` does, for all of them."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe these."""
        if len(amounts) == 1:  # MEASURED: half of what the general way takes
            self._sum.inc(amounts[0])
            self._buckets[bisect_left(self._upper_bounds, amounts[0])].inc(1)
            return
        self._sum.inc(sum(amounts))
        buckets = map(bisect_left, repeat(self._upper_bounds), amounts)
        for bucket, count in Counted(buckets).items():
            self._buckets[bucket].inc(count)


#: What counts, or what finds it by its labels once there is no harm in looking.
Metric = Counter | Timings
Counting = Metric | tuple[Callable[..., Metric], *tuple[str | int, ...]]


class MetricBuffer:
    """Keeps counts for a moment, and puts them into the metrics together.

    MEASURED: a small request counts six things, which are eight figures in a file that the metrics
    of all processes meet in: 50 calls and 4 % of its CPU, cold as they are; so it is 5 calls.
    Counts wait for at most `delay_s`, and a thread lives while there are any; 0 keeps none.
    `flush` when a process ends; one that is killed loses what waits.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self._waiting: deque[tuple[Counting, float]] = deque()
        self._is_due = False
        self._flushing = threading.Lock()
        self._flusher: int | None = None  # the thread that flushes

    def add(self, *counts: tuple[Counting, float]) -> None:
        """Count: a counter goes up by so much, a histogram observes it."""
        self._waiting.extend(counts)
        if not self.delay_s:
            self.flush()
        elif not self._is_due:
            self._flush_soon()

    def flush(self) -> None:
        """Put into the metrics what waits; when this returns, what waited before is there.

        A count that is added while this thread is at it, as by what the garbage collector ends,
        is taken in by the flush under way: locks are held that it would wait for for ever.
        """
        if self._flusher == threading.get_ident():
            return
        with self._flushing:
            self._flusher = threading.get_ident()
            try:
                while self._waiting:
                    self._put_down()
            finally:
                self._flusher = None

    def _put_down(self) -> None:
        gathered: defaultdict[Counting, list[float]] = defaultdict(list)
        while self._waiting:
            counting, amount = self._waiting.popleft()
            gathered[counting].append(amount)
        for counting, amounts in gathered.items():
            metric = counting[0](*counting[1:]) if isinstance(counting, tuple) else counting
            if isinstance(metric, Counter):
                metric.inc(sum(amounts))
            else:
                metric.observe_all(amounts)

    def _flush_soon(self) -> None:
        self._is_due = True
        try:
            # Not by `threading`, whose `start` waits for the thread: what is read of an upstream is
            # counted in gevent's event loop, where nobody may wait.
            _thread.start_new_thread(self._flush_later, ())
        except RuntimeError:  # the system has no thread to give: no reason to fail what counts
            self._is_due = False
            self.flush()

    def _flush_later(self) -> None:
        threading.Event().wait(self.delay_s)
        self._is_due = False  # before the flush: a count that comes too late for it is due again
        self.flush()
