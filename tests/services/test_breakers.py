"""When a provider is given a rest, and how it comes back."""

from __future__ import annotations

import contextvars
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import (
    CallerGone,
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    Overloaded,
    UpstreamMisaddressed,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.breakers import Breakers, Permit
from tests.processes import PATIENCE_S
from tests.services.scripted import Clock

DOWN = UpstreamUnavailable("down")
UNCOUNTED = [
    InvalidRequest("no"),
    NotFound("no"),
    ContextLengthExceeded("no"),
    UpstreamRateLimited("no"),
    UpstreamRefused("no"),
    UpstreamMisaddressed("no"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(["a", "b"], clock)


def calls(breakers: Breakers, count: int, error: BaseException | None) -> None:
    for _ in range(count):
        breakers.admit("a").settle(error)


def state(breakers: Breakers) -> str:
    return breakers.states()["a"]


@pytest.mark.parametrize(
    "error",
    [DOWN, UpstreamTimeout("slow"), UpstreamMisbehaved("odd")],
    ids=lambda e: type(e).__name__,
)
def test_twenty_failed_calls_open_it(breakers: Breakers, error: GatewayError) -> None:
    calls(breakers, 19, error)
    assert state(breakers) == "closed"
    calls(breakers, 1, error)
    assert state(breakers) == "open"


def test_half_of_the_calls_failing_opens_it(breakers: Breakers) -> None:
    calls(breakers, 10, None)
    calls(breakers, 10, DOWN)
    assert state(breakers) == "open"


def test_fewer_than_half_failing_leaves_it_closed(breakers: Breakers) -> None:
    calls(breakers, 11, None)
    calls(breakers, 10, DOWN)
    assert state(breakers) == "closed"


def test_calls_of_ten_seconds_ago_are_forgotten(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 19, DOWN)
    clock.now += 10
    calls(breakers, 19, DOWN)
    assert state(breakers) == "closed"


def test_calls_of_nine_seconds_ago_are_remembered(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 10, DOWN)
    clock.now += 9
    calls(breakers, 10, DOWN)
    assert state(breakers) == "open"


@pytest.mark.parametrize(
    "error", [*UNCOUNTED, CallerGone("gone"), Overloaded(), GeneratorExit()], ids=repr
)
def test_what_says_nothing_of_the_providers_health_is_not_counted(
    breakers: Breakers, error: BaseException
) -> None:
    calls(breakers, 19, DOWN)
    calls(breakers, 100, error)
    assert state(breakers) == "closed"
    calls(breakers, 1, DOWN)
    assert state(breakers) == "open"


def test_an_answer_that_takes_hours_is_no_failure(breakers: Breakers, clock: Clock) -> None:
    admissions = [breakers.admit("a") for _ in range(40)]
    clock.now += 7200
    for permit in admissions:
        permit.settle(None)
    assert state(breakers) == "closed"


def test_a_call_is_counted_once_however_often_it_is_settled(breakers: Breakers) -> None:
    permit = breakers.admit("a")
    for _ in range(40):
        permit.settle(DOWN)
    assert state(breakers) == "closed"


def test_one_provider_failing_leaves_the_others_alone(breakers: Breakers) -> None:
    calls(breakers, 20, DOWN)
    assert breakers.states() == {"a": "open", "b": "closed"}


def test_an_open_one_refuses_and_says_until_when(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 1.5
    with pytest.raises(UpstreamUnavailable, match="'a'") as refusal:
        breakers.admit("a")
    assert refusal.value.retry_after_s == 4


def test_after_five_seconds_exactly_one_call_is_let_through(
    breakers: Breakers, clock: Clock
) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    breakers.admit("a")
    for _ in range(3):
        with pytest.raises(UpstreamUnavailable) as refusal:
            breakers.admit("a")
    assert refusal.value.retry_after_s == 1
    assert state(breakers) == "half_open"


def test_the_probes_success_closes_it(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, None)
    assert state(breakers) == "closed"


def test_the_probes_first_word_closes_it(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    breakers.admit("a").mark_begun()
    assert state(breakers) == "closed"


def test_a_first_word_is_no_verdict_on_an_ordinary_call(breakers: Breakers) -> None:
    for _ in range(20):
        permit = breakers.admit("a")
        permit.mark_begun()
        permit.settle(DOWN)
    assert state(breakers) == "open"


def test_the_probes_failure_opens_it_for_another_five_seconds(
    breakers: Breakers, clock: Clock
) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, DOWN)
    clock.now += 4.9
    with pytest.raises(UpstreamUnavailable):
        breakers.admit("a")


@pytest.mark.parametrize("error", UNCOUNTED, ids=lambda e: type(e).__name__)
def test_a_probe_that_is_refused_closes_it_for_who_refuses_is_alive(
    breakers: Breakers, clock: Clock, error: GatewayError
) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, error)
    assert state(breakers) == "closed"


@pytest.mark.parametrize("error", [CallerGone("gone"), Overloaded(), GeneratorExit()], ids=repr)
def test_a_probe_that_learns_nothing_lets_the_next_one_through(
    breakers: Breakers, clock: Clock, error: BaseException
) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, error)
    assert state(breakers) == "half_open"
    calls(breakers, 1, None)
    assert state(breakers) == "closed"


def test_a_probe_that_is_withdrawn_lets_the_next_one_through(
    breakers: Breakers, clock: Clock
) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    breakers.admit("a").withdraw()
    calls(breakers, 1, None)
    assert state(breakers) == "closed"


def test_a_call_from_before_it_opened_says_nothing_about_the_probe(
    breakers: Breakers, clock: Clock
) -> None:
    early = breakers.admit("a")
    calls(breakers, 20, DOWN)
    clock.now += 5
    breakers.admit("a")
    early.settle(None)
    assert state(breakers) == "half_open"


def test_once_closed_it_starts_counting_afresh(breakers: Breakers, clock: Clock) -> None:
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, None)
    calls(breakers, 19, DOWN)
    assert state(breakers) == "closed"


def test_changes_are_told(clock: Clock) -> None:
    seen: list[tuple[str, str]] = []
    breakers = Breakers(["a"], clock, lambda provider, state: seen.append((provider, state)))
    calls(breakers, 20, DOWN)
    clock.now += 5
    calls(breakers, 1, None)
    assert seen == [("a", "open"), ("a", "half_open"), ("a", "closed")]


def test_a_call_may_end_in_another_thread_and_context_than_it_began_in(breakers: Breakers) -> None:
    admissions = [contextvars.copy_context().run(breakers.admit, "a") for _ in range(20)]
    threads = [threading.Thread(target=each.settle, args=(DOWN,)) for each in admissions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state(breakers) == "open"


def test_a_call_that_went_well_may_be_the_one_that_makes_them_twenty(breakers: Breakers) -> None:
    calls(breakers, 10, DOWN)
    calls(breakers, 9, None)
    assert state(breakers) == "closed"
    calls(breakers, 1, None)
    assert state(breakers) == "open"


OUTCOMES = st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=80)


@settings(max_examples=60)
@given(OUTCOMES)
def test_it_opens_just_when_the_last_ten_seconds_hold_twenty_calls_half_of_them_failed(
    outcomes: list[tuple[int, bool]],
) -> None:
    clock = Clock()
    breakers = Breakers(["a"], clock)
    seen: list[tuple[int, bool]] = []
    for tenths, failed in outcomes:
        clock.now += tenths / 10
        seen.append((int(clock.now), failed))
        breakers.admit("a").settle(DOWN if failed else None)
        lately = [failed for second, failed in seen if second > int(clock.now) - 10]
        opens = len(lately) >= 20 and 2 * sum(lately) >= len(lately)
        assert state(breakers) == ("open" if opens else "closed")
        if opens:
            return


def test_a_call_that_the_garbage_collector_ends_while_it_opens_waits_for_nothing(
    clock: Clock,
) -> None:
    # It ends a call that was dropped, in whatever thread asks for memory.
    dropped: list[Permit] = []
    breakers = Breakers(["a"], clock, lambda *_: dropped.pop().settle(GeneratorExit()))
    dropped.append(breakers.admit("a"))
    opening = threading.Thread(target=calls, args=(breakers, 20, DOWN), daemon=True)
    opening.start()
    opening.join(PATIENCE_S)
    assert (opening.is_alive(), state(breakers)) == (False, "open")
