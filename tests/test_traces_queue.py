"""Traces wait for nobody, and nobody waits for them, whatever the collector does."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread

import pytest
import structlog

from app import telemetry
from app.telemetry.tracing import TRACES_LOST, Recording, Span
from app.telemetry.tracing.export import TraceQueue
from tests.processes import ROOT, until


def recording(spans: int = 1) -> Recording:
    made = Recording("1" * 32, Span("POST /v1/responses", "server", ""))
    for _ in range(spans - 1):
        made.child("HGET")
    return made


class Sent:
    """A collector; `fault` is what it says of what comes."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.fault: str | None = None
        self.free = Event()
        self.free.set()

    def __call__(self, recordings: Sequence[Recording]) -> str | None:
        self.free.wait()
        self.batches.append(sum(len(each.spans) for each in recordings))
        return self.fault


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """Return what returns the events of the log so far."""
    stream = io.StringIO()
    telemetry.configure_logging("DEBUG", "json", stream)
    yield lambda: [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


def queue(sent: Sent, most: int = 100, batch: int = 10, delay_s: float = 0.0) -> TraceQueue:
    return TraceQueue(sent, most=most, batch=batch, delay_s=delay_s)


def lost() -> float:
    (metric,) = TRACES_LOST.collect()
    return next(each.value for each in metric.samples if each.name.endswith("_total"))


def test_what_ends_together_is_sent_together(sent: Sent) -> None:
    traces = queue(sent, delay_s=60)
    for _ in range(3):
        traces.add(recording(2))
    traces.close()
    assert sent.batches == [6]


def test_no_more_is_sent_at_once_than_a_batch_and_its_last_trace(sent: Sent) -> None:
    traces = queue(sent, delay_s=60, batch=4)
    for _ in range(5):
        traces.add(recording(3))
    traces.close()
    assert sent.batches == [6, 6, 3]


def test_what_comes_later_is_sent_as_well(sent: Sent) -> None:
    traces = queue(sent)
    for number in range(1, 20):
        traces.add(recording())
        until(lambda number=number: sum(sent.batches) == number, "it to be sent")  # type: ignore[misc]


def test_no_more_wait_than_shall_and_the_others_are_counted(sent: Sent) -> None:
    sent.free.clear()
    traces, before = queue(sent, most=10, delay_s=60), lost()
    for _ in range(7):
        traces.add(recording(3))
    assert lost() - before == 12
    sent.free.set()
    traces.close()
    assert sum(sent.batches) == 9


def test_a_collector_that_takes_nothing_is_spoken_of_once(
    sent: Sent, lines: Callable[[], list[str]]
) -> None:
    sent.fault, before = "no answer", lost()
    traces = queue(sent)
    for number in range(1, 4):
        traces.add(recording())
        until(lambda number=number: len(sent.batches) == number, "it to be tried")  # type: ignore[misc]
    until(lambda: lost() - before == 3, "them to be counted")
    sent.fault = None
    traces.add(recording())
    until(lambda: lines() == ["traces_not_taken", "traces_taken_again"], "both to be said")


def test_a_bug_of_the_exporter_is_no_end_of_it(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    traces = queue(sent)
    with monkeypatch.context() as patched:
        patched.setattr(traces, "_export", lambda _: 1 / 0)
        traces.add(recording())
        until(lambda: lines() == ["traces_not_taken"], "it to be said")
    traces.add(recording())
    until(lambda: sent.batches == [1], "the next to be sent")


def test_without_a_thread_to_send_it_a_trace_waits_for_the_next(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    traces = queue(sent)
    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", refuse)
        traces.add(recording())
    traces.add(recording())
    until(lambda: sum(sent.batches) == 2, "both to be sent")


def test_a_collector_that_hangs_keeps_no_process_from_ending(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.telemetry.tracing.export.LAST_S", 0.01)
    sent.free.clear()
    traces = queue(sent)
    traces.add(recording())
    traces.close()  # returns
    assert sent.batches == []
    sent.free.set()


def test_a_long_job_has_a_bounded_trace(sent: Sent) -> None:
    before, made = lost(), recording(500)
    queue(sent, most=1000).add(made)
    until(lambda: sent.batches == [128], "it to be sent")
    assert lost() - before == 372


def test_what_is_done_after_a_request_is_no_part_of_it() -> None:
    made = recording()
    made.root.end()
    made.child("HGET")
    assert len(made.spans) == 1


def test_where_nobody_wants_traces_opentelemetry_is_not_imported() -> None:
    code = (
        "import sys; import app.factory; from app.settings import Settings;"
        "app.factory.create_app(Settings()); app.factory.trace_with(Settings().tracing);"
        # redis-py imports what it finds of OpenTelemetry for metrics by itself.
        "names = {'app.telemetry.tracing.otlp', 'google.protobuf', 'opentelemetry.exporter'};"
        "assert not names & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603 - our own
