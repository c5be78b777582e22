"""Whatever is in a value, a log line is one line and says nothing to a terminal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

from app import telemetry
from app.logs.libraries import LibraryFormatter
from app.logs.lines import line
from app.telemetry.logs import log_ending

HARM = {
    "newline": '\n{"event":"forged"}',
    "return": "\r\n",
    "line separator": "\u2028",
    "next line": "\x85",
    "form feed": "\x0c",
    "escape": "\x1b[2J",
    "control sequence": "\x9b2J",
    "right to left": "\u202e",
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(form: Literal["json", "text"], value: str) -> str:
    """Return what is logged of a value."""
    stream = io.StringIO()
    telemetry.configure_logging("INFO", form, stream)
    telemetry.log.info("request", model=value)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_value_stays_inside_its_line(form: Literal["json", "text"], harm: str) -> None:
    line = logged(form, f"a{harm}b")
    assert len(line.splitlines()) == 1
    assert line.removesuffix("\n").isprintable()


@pytest.mark.parametrize("value", [*HARM.values(), "plain", "ünïcødé", "\U0001f600"])
def test_a_value_can_be_read_as_it_was(value: str) -> None:
    assert json.loads(logged("json", value))["model"] == value


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_librarys_line_is_one_line_too(form: Literal["json", "text"], harm: str) -> None:
    record = logging.LogRecord("gunicorn.error", logging.INFO, "", 1, f"a{harm}b", (), None)
    line = LibraryFormatter(form).format(record)
    assert len(line.splitlines()) == 1
    assert line.isprintable()


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 10**400, float("nan"), 1e308])
def test_no_number_costs_a_line(number: float) -> None:
    stream = io.StringIO()
    telemetry.configure_logging("INFO", "json", stream)
    log_ending("request", {"request_id": "req_1", "input_tokens": number})
    assert json.loads(stream.getvalue())["request_id"] == "req_1"


@pytest.mark.parametrize("value", ["\ud800", "a\ud83d"])
def test_half_a_character_costs_no_line(value: str) -> None:
    assert json.loads(logged("json", value))["event"] == "request"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_path_is_written_as_it_is_typed(form: Literal["json", "text"]) -> None:
    written = line(form, "info", {"event": "config_reloaded", "file": Path("/etc/gateway.toml")})
    assert "/etc/gateway.toml" in written
    assert "Path(" not in written
