"""Whatever is in a value, a log line is one line and says nothing to a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from app import telemetry

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
