"""The rows: each figure beside its target."""

from __future__ import annotations

import pytest

from bench.rows import microseconds, rows
from tests.bench.figures import REACHED


def test_what_is_just_reached_is_reached() -> None:
    assert {row.reached for row in rows(REACHED)} == {True, None}


@pytest.mark.parametrize(
    ("name", "value", "missed"),
    [
        ("whole.small.gateway", 701, "whole request, small, stored"),
        ("whole.small.ratio", 0.51, "whole request, small, stored"),
        ("whole.large.gateway", 901, "whole request, 20 items + 5 tools, stored"),
        ("whole.long.gateway", 1201, "whole request after 100 turns, stored"),
        ("agents.3.gateway", 901, "an agent's step, 3 items + 40 tools"),
        ("agents.300.gateway", 1901, "an agent's step, 300 items + 40 tools"),
        ("agents.300.ratio", 0.51, "an agent's step, 300 items + 40 tools"),
        ("agents.300.stored", 2601, "an agent's step, 300 items + 40 tools, stored"),
        ("agents.900.gateway", 4001, "an agent's step, 900 items + 40 tools"),
        ("pictures.gateway", 15.1, "a picture of 8 MB, not stored"),
        ("pictures.memory.stored", 4.1, "a picture of 8 MB, stored"),
        ("burst.gateway", 7.1, "event, all at once"),
        ("burst.ratio", 0.41, "event, all at once"),
        ("paced.ratio", 0.66, "event, paced, 50 streams"),
        ("first_event.gateway.p50", 1.6, "added to the first event, 100 streams, p50"),
        ("first_event.gateway.p99", 10.1, "added to the first event, 100 streams, p99"),
        ("streams_1000.whole", 999, "1000 streams at 20 events/s, two workers"),
        ("streams_1000.late_p99_ms", 25.1, "1000 streams at 20 events/s, two workers"),
        ("streams_1000.each_kb", 61, "1000 streams at 20 events/s, two workers"),
        ("streams_1000.event_us", 41, "event, paced, 1000 streams"),
        ("websocket.session_kb", 61, "memory of an open WebSocket, 500, a response each"),
        ("storage.trips.100", 3, "store, 100 turns read, no item made"),
        ("storage.read_us.100", 251, "store, 100 turns read, no item made"),
        ("storage.kept_bytes", 1301, "bytes in Redis of a 200-turn conversation"),
        ("isolation.z", 3.1, "another account's id beside an unknown one"),
        ("background.wall_s", 3.1, "background, 200 jobs of 1 s, one worker process"),
        ("background.pick_up_p50_ms", 101, "background, pick-up p50, from the 202"),
        ("background.line_us", 1801, "background, a job of one line, web + worker"),
        ("polls.2000", 801, "poll of a running job after 200 events, after 2,000"),
        ("redelivery.done_s", 7.1, "background, 20 jobs done after SIGKILL"),
        ("memory.grown", 0.051, "memory after 200,000 mixed requests"),
        ("memory.grown", -0.051, "memory after 200,000 mixed requests"),
    ],
)
def test_what_is_beyond_its_target_is_missed(name: str, value: float, missed: str) -> None:
    result = rows(REACHED | {name: value})
    assert [row.name for row in result if row.reached is False] == [missed]


def test_only_what_was_measured_has_a_row() -> None:
    memory = {name: value for name, value in REACHED.items() if name.startswith("memory.")}
    assert [row.name for row in rows(memory)] == ["memory after 200,000 mixed requests"]


@pytest.mark.parametrize(
    ("us", "text"), [(1234.5, "1,234 µs"), (20, "20 µs"), (19.96, "20.0 µs"), (5.87, "5.9 µs")]
)
def test_a_time_has_the_digits_that_matter(us: float, text: str) -> None:
    assert microseconds(us) == text
