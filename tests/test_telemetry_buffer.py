"""Counts that wait are in the metrics when somebody asks, a moment later, and at the end."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app import telemetry
from app.telemetry.metric_buffer import MetricBuffer, Timings
from tests.processes import started, until

BUCKETS = (0.1, 1, 10)
LONG_S = 60.0


class Metrics:
    """A counter and a histogram of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.counter = Counter("c", "A counter.", registry=self._registry)
        self.timings = Timings("t", "Timings.", ["of"], buckets=BUCKETS, registry=self._registry)

    def value(self, name: str, **labels: str) -> float:
        """Return a value."""
        return self._registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def buffer(delay_s: float) -> MetricBuffer:
    """Return a buffer that keeps counts for so long."""
    made = MetricBuffer()
    made.delay_s = delay_s
    return made


def test_without_a_delay_a_count_is_there_at_once(metrics: Metrics) -> None:
    buffer(0).add((metrics.counter, 2), (metrics.timings.labels("x"), 0.5))
    assert (metrics.value("c_total"), metrics.value("t_count", of="x")) == (2, 1)


def test_with_a_delay_it_is_there_when_it_is_asked_for(metrics: Metrics) -> None:
    waiting = buffer(LONG_S)
    waiting.add((metrics.counter, 2))
    waiting.add((metrics.counter, 3))
    assert metrics.value("c_total") == 0
    waiting.flush()
    waiting.flush()
    assert metrics.value("c_total") == 5


def test_with_a_delay_it_is_there_a_moment_later_by_itself(metrics: Metrics) -> None:
    waiting = buffer(0.01)
    for expected in (1, 2):
        waiting.add((metrics.counter, 1))
        until(lambda n=expected: metrics.value("c_total") == n, "the count")  # type: ignore[misc] # a default


def test_where_no_thread_is_to_be_had_it_is_there_at_once(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    waiting = buffer(LONG_S)
    for expected in (1, 2):
        waiting.add((metrics.counter, 1))
        assert metrics.value("c_total") == expected


#: What is read of an upstream is read in gevent's event loop, where nothing may wait.
IN_THE_EVENT_LOOP = """
from gevent import monkey; monkey.patch_all()
import gevent
from prometheus_client import REGISTRY, Counter
from app.telemetry.metric_buffer import MetricBuffer
buffer, counter = MetricBuffer(), Counter("c", "A counter.")
buffer.delay_s = 0.01
def count():
    try:
        buffer.add((counter, 1))
    except BaseException as fault:
        print(type(fault).__name__)
gevent.get_hub().loop.run_callback(count)
with gevent.Timeout(30, False):
    while not REGISTRY.get_sample_value("c_total"):
        gevent.sleep(0.01)
print(REGISTRY.get_sample_value("c_total"))
"""


def test_a_count_waits_for_nothing() -> None:
    program = [sys.executable, "-c", IN_THE_EVENT_LOOP]
    result = subprocess.run(program, capture_output=True, check=True)  # noqa: S603 - our own
    assert result.stdout.strip() == b"1.0"


def test_many_observations_are_what_each_would_be() -> None:
    amounts = [0.0, 0.05, 0.1, 0.10001, 1.0, 5.0, 10.0, 10.1, 1e9]
    one_by_one, together = CollectorRegistry(), CollectorRegistry()
    each = Histogram("t", "Timings.", buckets=BUCKETS, registry=one_by_one)
    for amount in amounts:
        each.observe(amount)
    Timings("t", "Timings.", buckets=BUCKETS, registry=together).observe_all(amounts)

    def read_back(registry: CollectorRegistry) -> list[str]:
        lines = generate_latest(registry).decode().splitlines()
        return [line for line in lines if not line.startswith("t_created")]

    assert read_back(together) == read_back(one_by_one)


def test_no_count_of_many_threads_is_lost(metrics: Metrics) -> None:
    waiting = buffer(0.001)
    child = metrics.timings.labels("x")

    def count() -> None:
        for _ in range(2000):
            waiting.add((metrics.counter, 1), (child, 0.5))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting.flush()
    assert (metrics.value("c_total"), metrics.value("t_count", of="x")) == (8000, 8000)


# in the process's metrics


@pytest.fixture
def gathering() -> Iterator[None]:
    telemetry.gather_counts(LONG_S)
    yield
    telemetry.gather_counts(0)


@pytest.mark.usefixtures("gathering")
def test_what_this_process_gathers_is_in_its_metrics() -> None:
    telemetry.upstream_ended("gathered", "ok")
    counted = b'gateway_upstream_calls_total{outcome="ok",provider="gathered"} 1.0'
    assert counted in telemetry.Exposition().page(dict)


def test_what_a_process_gathers_is_in_the_metrics_when_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    code = (
        "from app import telemetry as t\n"
        f"t.gather_counts({LONG_S})\n"
        "t.upstream_ended('acme', 'ok')\n"
        "t.first_byte_counted('acme', 0.5)\n"
    )
    with started([sys.executable, "-c", code]) as process:
        assert process.wait(60) == 0
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call] # has no types
    result = generate_latest(registry).decode()
    assert 'gateway_upstream_calls_total{outcome="ok",provider="acme"} 1.0' in result
    assert 'gateway_upstream_first_byte_seconds_count{provider="acme"} 1.0' in result


@pytest.mark.parametrize("delay_s", [0, LONG_S])
def test_a_count_that_comes_in_the_middle_of_a_flush_is_in_it(
    metrics: Metrics, delay_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when the garbage collector ends an answer that nobody wanted: in this very thread.
    counting, counted = buffer(delay_s), metrics.counter.inc

    def inc(amount: float) -> None:
        if not metrics.value("c_total"):
            counted(amount)
            counting.add((metrics.counter, 3))
            counting.flush()
        else:
            counted(amount)

    monkeypatch.setattr(metrics.counter, "inc", inc)
    counting.add((metrics.counter, 2))
    counting.flush()
    assert metrics.value("c_total") == 5


def test_a_count_that_comes_while_a_metric_makes_room_for_another_does_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As above, under the lock of the metric that is counted.
    provider = f"acme-{uuid4()}"
    make_room = Counter._metric_init

    def collect(metric: Counter) -> None:
        monkeypatch.undo()
        telemetry.upstream_ended(provider, "abandoned")
        make_room(metric)

    monkeypatch.setattr(Counter, "_metric_init", collect)
    counting = threading.Thread(target=telemetry.upstream_ended, args=(provider, "ok"), daemon=True)
    counting.start()
    counting.join(LONG_S)
    assert not counting.is_alive()
    for outcome in ("ok", "abandoned"):
        labels = {"provider": provider, "outcome": outcome}
        assert REGISTRY.get_sample_value("gateway_upstream_calls_total", labels) == 1
