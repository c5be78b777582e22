"""What a run means for capacity."""

from __future__ import annotations

from bench.capacity import extrapolated, measured, section
from tests.bench.figures import REACHED

FIGURES = {"whole.small.gateway": 500.0, "whole.large.gateway": 1000.0}
STREAMS = {"streams_1000.event_us": 40.0, "streams_1000.each_kb": 50.0}


def test_what_a_core_serves_follows_from_what_it_takes() -> None:
    assert "| whole request, small, stored | 500 µs | 2,000/s | 1,200/s |" in measured(FIGURES)


def test_what_a_run_has_not_measured_is_left_out() -> None:
    assert "agent" not in measured(FIGURES)
    assert "| a caller who stays connected, and asks nothing | 20 kB |" in measured(REACHED)


def test_cores_are_whole_and_no_more_than_partly_used() -> None:
    # 1,000 x 500 us are half a core, of which 60 % may be used: 0.83; with 200 events 8.5 ms.
    row = "| 1,000 | 1 core | 2 cores | 15 cores | 10,000: 500 MB |"
    assert row in extrapolated(FIGURES | STREAMS)


def test_what_is_computed_is_said_to_be() -> None:
    assert "**Extrapolated**, not measured" in section({"medians": FIGURES | STREAMS}, "of a run")
