"""Logs and metrics: what they say, and what they never do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app import telemetry
from app.telemetry import Trace


@pytest.fixture(autouse=True)
def configured() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    telemetry.configure_logging("INFO", "json", stream)
    yield stream
    structlog.reset_defaults()


def _trace(**known: Any) -> Trace:
    made = Trace("req_1", "GET")
    for name, value in known.items():
        setattr(made, name, value)
    return made


def test_a_request_is_one_line(configured: io.StringIO) -> None:
    telemetry.request_ended(_trace(model="m"), 200)
    line = json.loads(configured.getvalue())
    assert (line["request_id"], line["status"], line["model"]) == ("req_1", 200, "m")
    assert "provider" not in line  # nobody told


def test_a_bug_is_logged_without_its_message(configured: io.StringIO) -> None:
    with pytest.raises(ValueError, match="hunter2") as caught:
        int("hunter2")
    telemetry.unexpected(caught.value, "req_1")
    assert "hunter2" not in configured.getvalue()
    line = json.loads(configured.getvalue())
    assert line["error"] == "ValueError"
    assert "test_a_bug_is_logged_without_its_message" in line["frames"][-1]


def test_lines_for_people_are_no_json() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("INFO", "text", stream)
    telemetry.log.info("hello", who="world")
    assert "hello" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_what_is_below_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("WARNING", "json", stream)
    telemetry.log.info("hello")
    assert stream.getvalue() == ""


def test_a_breaker_that_opens_shows_in_the_metrics(configured: io.StringIO) -> None:
    telemetry.breaker_changed("acme", "open")
    assert b'gateway_upstream_breakers_open{provider="acme"} 1.0' in telemetry.Exposition().page(
        dict
    )
    telemetry.breaker_changed("acme", "closed")
    assert b'gateway_upstream_breakers_open{provider="acme"} 0.0' in telemetry.Exposition().page(
        dict
    )
    assert "breaker_changed" in configured.getvalue()


def test_requests_are_counted_by_what_they_were() -> None:
    telemetry.request_ended(_trace(endpoint="/counted", model_label="m"), 418)
    counted = b'gateway_requests_total{endpoint="/counted",method="GET",model="m",status="418"} 1.0'
    assert counted in telemetry.Exposition().page(dict)


def test_what_is_looked_up_is_told_beside_the_counters() -> None:
    name = next(iter(telemetry.FIGURES))
    assert f"{name} 7.0".encode() in telemetry.Exposition().page(lambda: {name: 7})


def test_a_log_line_takes_any_integer_and_half_surrogates(configured: io.StringIO) -> None:
    telemetry.request_ended(_trace(model="\ud83d", input_tokens=2**70), 200)
    assert json.loads(configured.getvalue())["input_tokens"] == 2**70
