"""What is logged and counted of background responses, and what is looked up of their queues."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from app.telemetry import (
    FIGURES,
    Exposition,
    JobTrace,
    MeasuredCall,
    configure_logging,
    job_ended,
)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written to the log."""
    stream = io.StringIO()
    configure_logging("INFO", "json", stream)
    yield stream
    structlog.reset_defaults()


def ended(**more: Any) -> None:
    trace = JobTrace("resp_1", "acme", "key_1", "m", **more)
    job_ended(trace, "completed", 1.5, {"input": 7, "output": 3}, None, 41)


def test_a_job_is_one_line_of_the_log(log: io.StringIO) -> None:
    ended(waited_s=0.25, provider="p", attempts=2, upstream_s=0.1)
    (line,) = log.getvalue().splitlines()
    document = json.loads(line)
    del document["timestamp"]
    assert document == {
        "event": "job",
        "level": "info",
        "response_id": "resp_1",
        "account": "acme",
        "key_id": "key_1",
        "model": "m",
        "outcome": "completed",
        "duration_ms": 1500.0,
        "waited_ms": 250.0,
        "upstream_ms": 100.0,
        "provider": "p",
        "attempts": 2,
        "input_tokens": 7,
        "output_tokens": 3,
        "cost_microusd": 41,
    }


def test_what_is_not_known_of_a_job_is_not_logged(log: io.StringIO) -> None:
    ended()
    assert not {"provider", "waited_ms", "error_code"} & json.loads(log.getvalue()).keys()


@pytest.mark.usefixtures("log")
def test_a_job_and_its_tokens_are_counted() -> None:
    def counted() -> list[float]:
        values = [
            REGISTRY.get_sample_value("gateway_jobs_total", {"outcome": "completed"}),
            REGISTRY.get_sample_value(
                "gateway_tokens_total", {"provider": "q", "model": "m", "kind": "input"}
            ),
        ]
        return [value or 0.0 for value in values]

    before = counted()
    ended(call=MeasuredCall("q", "m", "q"))
    assert counted() == [before[0] + 1, before[1] + 7]


def test_figures_are_told_as_they_are_now() -> None:
    result = Exposition().page(lambda: dict.fromkeys(FIGURES, 3.0)).decode()
    assert all(f"\n{name} 3.0\n" in result for name in FIGURES)


def test_figures_that_are_not_known_are_not_told() -> None:
    assert "\ngateway_jobs_queued " not in Exposition().page(dict).decode()
