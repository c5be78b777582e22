"""What a request is called follows W3C Trace Context, and fits into a header line."""

from __future__ import annotations

import re

import pytest

from app.domain.identity import RequestIdentity
from app.domain.identity import identity as named
from app.randomness import random_bytes

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"
FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


def identity(*names: str) -> RequestIdentity:
    return named(random_bytes, *names)


def test_a_trace_is_continued_with_a_parent_of_our_own() -> None:
    traceparent = identity("r", GIVEN, "vendor=a,other@tenant=b").traceparent
    assert FORM.fullmatch(traceparent)
    assert traceparent.startswith(f"00-{TRACE}-")
    assert traceparent.endswith("-01")
    assert PARENT not in traceparent


def test_without_a_trace_one_begins() -> None:
    first, second = identity("r"), identity("r")
    assert FORM.fullmatch(first.traceparent)
    assert first.trace_id != second.trace_id
    assert len(first.trace_id) == 32


def test_a_request_without_a_name_gets_one() -> None:
    assert re.fullmatch("req_[0-9a-f]{32}", identity().request_id)
    assert identity().request_id != identity().request_id


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"{GIVEN}-more",
        f"{GIVEN}, {GIVEN}",
        f"{GIVEN}\n",
        f" {GIVEN}",
    ],
)
def test_what_is_no_traceparent_is_as_good_as_none(traceparent: str) -> None:
    made = identity("r", traceparent, "vendor=a")
    assert made.trace_id != TRACE
    assert made.tracestate == ""


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert identity("r", f"42-{TRACE}-{PARENT}-03-more").traceparent.endswith("-01")


@pytest.mark.parametrize("state", ["vendor=a", "a=1, b=2", "t@v=x", "a=1,,b=2"])
def test_the_callers_state_is_handed_on(state: str) -> None:
    assert identity("r", GIVEN, state).tracestate == state


@pytest.mark.parametrize(
    "state", ["no-value", "a=1\r\nX-Evil: 1", "a=\x00", f"a={'b' * 600}", "A=1", ",", "a=ü"]
)
def test_what_is_no_state_is_not_handed_on(state: str) -> None:
    assert identity("r", GIVEN, state).tracestate == ""


def test_upstreams_are_told_line_by_line() -> None:
    lines = RequestIdentity("r", GIVEN, "vendor=a").lines.decode().split("\r\n")
    assert lines == [
        "X-Request-ID: r",
        "X-Client-Request-Id: r",
        f"traceparent: {GIVEN}",
        "tracestate: vendor=a",
        "",
    ]
