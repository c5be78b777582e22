"""What figures are made of: quantiles, ranks, lateness, beginnings."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.figures import first_event
from bench.figures.first_event import quantile
from bench.figures.isolation import apart
from bench.load.sockets import Loop
from bench.load.streams import Stream, dues, late


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)])
def test_a_quantile_is_what_so_many_do_not_exceed(share: float, value: float) -> None:
    assert quantile([float(number) for number in range(1, 101)], share) == value


def test_samples_alike_are_not_apart() -> None:
    one, other = [1.0, 4.0, 5.0, 8.0], [2.0, 3.0, 6.0, 7.0]
    assert apart(one, other) == 0


def test_samples_that_differ_are_apart_either_way() -> None:
    low, high = [float(n) for n in range(50)], [float(n) for n in range(50, 100)]
    assert apart(low, high) == -apart(high, low)
    assert apart(high, low) > 8


def test_an_event_is_late_by_its_own_streams_best_pace() -> None:
    stream = Stream(Loop(), b"x", arrivals=[10.2, 10.25, 10.4])
    assert late(stream, 0.1) == pytest.approx([0.05, 0, 0.05])


@pytest.mark.parametrize("over_s", [first_event.BEGIN_S, first_event.QUICK_S])
def test_first_events_are_waited_for_one_by_one(over_s: float) -> None:
    begun = dues(first_event.STREAMS, over_s, first_event.INTERVAL_S)
    assert min(later - earlier for earlier, later in pairwise(begun)) > 0.004


def test_streams_begin_in_order_and_spread_over_the_interval() -> None:
    result = dues(50, over_s=0.5, interval_s=0.05)
    phases = sorted(due % 0.05 for due in result)
    gaps = [later - earlier for earlier, later in pairwise(phases)]
    assert result == sorted(result)
    assert max(gaps) < 0.005
    assert dues(3, over_s=0, interval_s=0) == [0, 0, 0]
