"""A call that has time is tried again until then, fallbacks first, and never paid for twice."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.upstream_call import UpstreamCall
from app.errors import (
    CallerGone,
    GatewayError,
    InvalidRequest,
    Overloaded,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.catalog import Target
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.retry_rounds import (
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    Parked,
    RetryRounds,
    is_transient,
)
from app.services.upstreams.router import UpstreamAnswer
from tests.services.router_bench import ANSWER, Bench, exhaust
from tests.services.scripted import HELLO, SILENCE, THE_END, Clock, ScriptedProvider

TIME_S = 800.0
DOWN = UpstreamUnavailable("down")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def opened(bench: Bench, *, fallback: bool = True, time_s: float = TIME_S) -> UpstreamAnswer:
    """Open an answer of `a`, or of its fallback; a call that is parked comes back in time."""
    targets = [Target("model", bench.a, "model-a"), Target("spare", bench.b, "model-b")]
    until, pause_s = bench.clock.now + time_s, FIRST_PAUSE_S
    while True:
        try:
            return bench.router.open_in_time(
                targets if fallback else targets[:1], bench.request_for, bench.call, until, pause_s
            )
        except Parked as parked:
            bench.clock.pause(bench.call, parked.after_s)
            bench.call, pause_s = UpstreamCall(deadline=math.inf), parked.pause_s


def calls(bench: Bench) -> tuple[int, int]:
    return len(bench.a.requests), len(bench.b.requests)


def test_an_upstream_that_comes_back_is_asked_again(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", *[[DOWN]] * 9, ANSWER)
    exhaust(opened(bench, fallback=False))
    assert (len(bench.a.requests), sum(bench.clock.pauses) > 60) == (10, True)


def test_who_has_no_descriptor_for_it_is_asked_again(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", *[[Overloaded()]] * 3, ANSWER)
    exhaust(opened(bench, fallback=False))
    assert bench.clock.pauses == [1, 1, 2]


def test_a_caller_on_the_line_does_not_wait_for_descriptors(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [Overloaded()], ANSWER)
    with pytest.raises(Overloaded):
        bench.router.open([Target("m", bench.a, "m")], bench.request_for, bench.call)
    assert bench.clock.pauses == []


def test_pauses_grow_up_to_a_bound(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", *[[DOWN]] * 9, ANSWER)
    exhaust(opened(bench, fallback=False))
    assert bench.clock.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_fallback_comes_before_any_pause(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [DOWN])
    assert opened(bench).provider == "b"
    assert (calls(bench), bench.clock.pauses) == ((1, 1), [])


def test_a_fallback_is_asked_at_once_while_a_retry_after_runs(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamRateLimited("slow down", retry_after_s=300)])
    bench.b = ScriptedProvider("b", [DOWN], [DOWN], ANSWER)
    assert opened(bench).provider == "b"
    assert (calls(bench), bench.clock.pauses) == ((1, 3), [0.5, 1])


def test_a_retry_after_is_waited_for_where_nobody_else_is_left(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamRateLimited("slow down", retry_after_s=70)], ANSWER)
    exhaust(opened(bench, fallback=False))
    assert bench.clock.pauses == [70]


def test_who_still_knows_of_a_failure_is_not_parked(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamTimeout("no answer")])
    bench.b = ScriptedProvider("b", *[[DOWN]] * 9, ANSWER)
    targets = [Target("model", bench.a, "model-a"), Target("spare", bench.b, "model-b")]
    until = bench.clock.now + TIME_S
    exhaust(bench.router.open_in_time(targets, bench.request_for, bench.call, until))
    assert calls(bench) == (1, 10)


def test_a_retry_after_beyond_the_time_ends_it(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamRateLimited("slow down", retry_after_s=900)])
    with pytest.raises(UpstreamRateLimited):
        opened(bench, fallback=False)
    assert bench.clock.pauses == []


def test_an_upstream_that_comes_back_late_is_asked_in_what_time_is_left(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", *[[DOWN]] * 10, ANSWER)
    exhaust(opened(bench, fallback=False, time_s=130))
    assert bench.clock.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 4.25]


def test_its_time_bounds_the_rounds(bench: Bench) -> None:
    bench.a = bench.b = ScriptedProvider("a", [DOWN])
    began_at = bench.clock.now
    with pytest.raises(UpstreamUnavailable):
        opened(bench)
    assert TIME_S - MAX_PAUSE_S <= bench.clock.now - began_at <= TIME_S


def test_who_was_sent_it_and_timed_out_is_not_sent_it_again(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamTimeout("no answer")])
    bench.b = ScriptedProvider("b", [DOWN], [DOWN], ANSWER)
    assert opened(bench).provider == "b"
    assert calls(bench) == (1, 3)


def test_no_other_model_of_a_provider_that_timed_out_is_asked(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [DOWN], [UpstreamTimeout("no answer")])
    targets = [Target("one", bench.a, "one"), Target("two", bench.a, "two")]
    with pytest.raises(GatewayError):
        bench.router.open_in_time(targets, bench.request_for, bench.call, bench.clock.now + TIME_S)
    assert [each.model for each in bench.a.requests] == ["one", "two"]


def test_who_could_not_be_connected_to_is_asked_again(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamTimeout("no way", sent=False)], ANSWER)
    exhaust(opened(bench, fallback=False))
    assert len(bench.a.requests) == 2


def test_silence_is_no_answer_yet(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [SILENCE, DOWN], [SILENCE, HELLO, THE_END])
    assert list(opened(bench, fallback=False).batches) == [HELLO, THE_END]


def test_what_has_spoken_is_not_asked_again(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [HELLO, DOWN])
    with pytest.raises(UpstreamUnavailable):
        list(opened(bench, fallback=False).batches)
    assert len(bench.a.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        UpstreamMisbehaved("nonsense"),
        UpstreamRefused("our key"),
        UpstreamRateLimited("pay", code="insufficient_quota"),
        UpstreamUnavailable("cut", work_done=True),
        InvalidRequest("no"),
    ],
    ids=repr,
)
def test_what_cannot_pass_ends_it_at_once(bench: Bench, error: GatewayError) -> None:
    bench.a = ScriptedProvider("a", [error])
    with pytest.raises(type(error)):
        opened(bench, fallback=False)
    assert (len(bench.a.requests), bench.clock.pauses) == (1, [])


def test_a_call_that_is_cancelled_while_it_waits_is_over(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [DOWN], [bench.call.cancel, DOWN])
    with pytest.raises(CallerGone):
        opened(bench, fallback=False)
    assert len(bench.a.requests) == 2


def test_a_pause_records_that_nothing_is_to_be_paid_for(bench: Bench) -> None:
    noted: list[bool] = []
    bench.call.note_called = noted.append
    bench.a = ScriptedProvider("a", (DOWN,), (DOWN,), ANSWER, (DOWN,), ANSWER)
    exhaust(opened(bench, fallback=False))
    assert noted == [False, True, False, True]
    # The next call of the same answer, as after a summary: the one before it was paid for.
    exhaust(opened(bench, fallback=False))
    assert (noted, bench.call.attempts) == ([False, True, False, True], 5)


def test_nothing_is_occupied_while_it_waits(bench: Bench) -> None:
    free: list[bool] = []

    def look(call: UpstreamCall, seconds: float) -> None:
        free.append(bench.slots_are_free())
        bench.clock.pause(call, seconds)

    bench.a = ScriptedProvider("a", [DOWN], ANSWER)
    bench.router._retries = RetryPolicy(bench.clock, lambda: 0.0, look)
    exhaust(opened(bench, fallback=False))
    assert free == [True]


WAITS = st.none() | st.integers(0, 99)
FAILURES = st.lists(
    st.one_of(
        st.builds(UpstreamUnavailable, st.just("down"), retry_after_s=WAITS),
        st.builds(UpstreamRateLimited, st.just("down"), retry_after_s=WAITS),
        st.builds(UpstreamTimeout, st.just("slow"), sent=st.booleans()),
        st.builds(UpstreamMisbehaved, st.just("nonsense")),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100)
@given(FAILURES, st.floats(0, 1), st.floats(0, 1000))
def test_however_it_fails_it_ends_in_time(
    failures: list[GatewayError], jitter: float, time_s: float
) -> None:
    clock = Clock()
    targets = [Target("m", ScriptedProvider(name), "m") for name in ("a", "b")]
    rounds = RetryRounds(targets, clock, lambda: jitter)
    called_again: list[str] = []
    over: set[str] = set()
    for error in failures:
        for target in rounds.ready():
            if target.provider.name in over:
                called_again.append(target.provider.name)
            rounds.record_failure(target, error)
            if not is_transient(error):
                over.add(target.provider.name)
        next_s = rounds.next_s(1000 + time_s - clock.now)
        if next_s is None:
            break
        assert next_s >= FIRST_PAUSE_S / 2
        clock.now += next_s
    assert called_again == []
    assert clock.now <= 1000 + time_s
