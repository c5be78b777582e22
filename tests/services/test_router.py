"""How an answer is opened: which provider is asked how often, and what is told when all fail."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.request import ModelRequest
from app.domain.response import Usage
from app.domain.stream.deltas import Batch, Used
from app.errors import (
    CallerGone,
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.catalog import Target
from tests.services.router_bench import ANSWER, Bench
from tests.services.scripted import HELLO, SILENCE, THE_END, ScriptedProvider

DOWN = UpstreamUnavailable("down")
LIMITED = UpstreamRateLimited("slow down", retry_after_s=3)
ODD = UpstreamMisbehaved("nonsense")
COUNTS: Batch = (Used(Usage(1)),)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_target_answers(bench: Bench) -> None:
    opened = bench.open()
    assert (opened.provider, opened.attempts) == ("a", 1)
    assert list(opened.batches) == [HELLO, THE_END]
    assert bench.b.requests == []


def test_a_provider_is_asked_for_its_own_model(bench: Bench) -> None:
    bench.open()
    assert [request.model for request in bench.a.requests] == ["model-a"]


def test_only_the_first_batch_is_pulled_before_the_answer_is_told(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (HELLO, DOWN))
    batches = bench.open().batches
    assert next(batches) == HELLO
    with pytest.raises(UpstreamUnavailable):
        next(batches)


def test_what_this_provider_cannot_honour_is_named(bench: Bench) -> None:
    bench.seed = 1
    assert bench.open().ignored == ("seed",)


def test_the_time_to_the_first_batch_covers_all_attempts(bench: Bench) -> None:
    slow = bench.clock.later(2)
    bench.a = ScriptedProvider("a", (slow, DOWN), (slow, *ANSWER))
    assert bench.open().first_batch_s == 4.5


def test_a_failed_attempt_is_repeated(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (DOWN,), ANSWER)
    opened = bench.open()
    assert (opened.provider, opened.attempts) == ("a", 2)


def test_after_three_attempts_the_next_target_is_asked(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (DOWN,))
    opened = bench.open()
    assert (opened.provider, opened.attempts, len(bench.a.requests)) == ("b", 4, 3)
    assert list(opened.batches) == [HELLO, THE_END]


def test_a_rate_limited_provider_is_left_at_once(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (UpstreamRateLimited("slow down", retry_after_s=1),))
    assert (bench.open().attempts, bench.clock.pauses) == (2, [])


def test_a_fallback_is_asked_at_once_while_a_retry_after_runs(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [UpstreamUnavailable("down", retry_after_s=2)])
    assert bench.open().provider == "b"
    assert (len(bench.a.requests), bench.clock.pauses) == (1, [])


@pytest.mark.parametrize(
    ("first_s", "second_s", "passed_on_s"), [(60, 5, 5), (5, 60, 5), (60, None, 60)]
)
def test_the_soonest_retry_after_is_passed_on(
    bench: Bench, first_s: int, second_s: int | None, passed_on_s: int
) -> None:
    bench.a = ScriptedProvider("a", (UpstreamRateLimited("slow down", retry_after_s=first_s),))
    bench.b = ScriptedProvider("b", (UpstreamRateLimited("wait", retry_after_s=second_s),))
    with pytest.raises(UpstreamRateLimited, match="slow down") as raised:
        bench.open()
    assert raised.value.retry_after_s == passed_on_s


def test_a_provider_that_misbehaves_is_left_at_once(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (UpstreamMisbehaved("nonsense"),))
    assert (bench.open().attempts, bench.clock.pauses) == (2, [])


def test_a_fault_after_counts_alone_is_a_fault_before_the_answer(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (COUNTS, ODD))
    assert bench.open().provider == "b"


def test_an_answer_that_ends_with_counts_alone_has_broken_off(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (COUNTS,), (COUNTS, *ANSWER))
    opened = bench.open()
    assert (opened.provider, opened.attempts) == ("a", 2)
    assert list(opened.batches) == [[*COUNTS, *HELLO], THE_END]


def test_counts_are_not_waited_for_in_silence(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (COUNTS, SILENCE, HELLO, THE_END))
    assert next(iter(bench.open().batches)) == list(COUNTS)


def test_a_provider_that_says_nothing_misbehaves(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", ())
    with pytest.raises(UpstreamMisbehaved, match="'a'"):
        bench.open_a()


@pytest.mark.parametrize(
    "error",
    [InvalidRequest("no"), NotFound("no"), ContextLengthExceeded("too long"), CallerGone("gone")],
    ids=lambda error: type(error).__name__,
)
def test_what_no_other_target_can_mend_ends_it(bench: Bench, error: GatewayError) -> None:
    bench.a = ScriptedProvider("a", (error,))
    with pytest.raises(type(error)):
        bench.open()
    assert (bench.call.attempts, bench.b.requests) == (1, [])
    assert bench.slots_are_free()


def test_a_bug_in_a_provider_frees_its_slot(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (ZeroDivisionError(),))
    with pytest.raises(GatewayError, match="The gateway failed"):
        bench.open()
    assert bench.slots_are_free()


def test_a_request_that_cannot_be_made_asks_nobody(bench: Bench) -> None:
    def refuse(target: Target) -> ModelRequest:
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        bench.router.open((Target("model", bench.a, "m"),), refuse, bench.call)
    assert bench.a.requests == []


def test_a_call_that_is_already_cancelled_asks_nobody(bench: Bench) -> None:
    bench.call.cancel()
    with pytest.raises(CallerGone):
        bench.open()
    assert (bench.a.requests, bench.b.requests) == ([], [])
    assert bench.slots_are_free()


def test_a_call_cancelled_between_attempts_ends(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (bench.call.cancel, DOWN))
    with pytest.raises(CallerGone):
        bench.open()
    assert bench.call.attempts == 1


def test_silence_before_the_first_delta_begins_a_stream(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (SILENCE, *ANSWER))
    assert list(bench.open().batches) == [SILENCE, HELLO, THE_END]


@pytest.mark.parametrize("begun", [SILENCE, HELLO], ids=["silence", "text"])
def test_once_a_stream_has_begun_nothing_is_tried_again(bench: Bench, begun: Batch) -> None:
    bench.a = ScriptedProvider("a", (begun, DOWN))
    opened = bench.open()
    with pytest.raises(UpstreamUnavailable) as failure:
        list(opened.batches)
    assert failure.value.work_done
    assert (bench.call.attempts, bench.b.requests) == (1, [])


def test_silence_is_waited_through_for_a_whole_answer(bench: Bench) -> None:
    bench.stream = False
    bench.a = ScriptedProvider("a", (SILENCE, DOWN), (SILENCE, *ANSWER))
    opened = bench.open()
    assert (list(opened.batches), opened.attempts) == ([HELLO, THE_END], 2)


def test_an_answer_that_was_lost_is_not_asked_for_again_but_elsewhere(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (UpstreamUnavailable("cut", work_done=True),))
    assert (bench.open().attempts, len(bench.a.requests)) == (2, 1)


def test_a_provider_sets_the_deadline_of_its_calls(bench: Bench) -> None:
    bench.open()
    assert bench.a.deadlines == [bench.clock.now + 600]


def test_the_callers_own_deadline_holds_if_it_is_earlier(bench: Bench) -> None:
    bench.call.deadline = bench.clock.now + 5
    bench.open()
    assert bench.a.deadlines == [bench.clock.now + 5]


def test_each_target_has_its_own_deadline(bench: Bench) -> None:
    began = bench.clock.now
    bench.a = ScriptedProvider("a", (bench.clock.later(600), UpstreamTimeout("slow")))
    assert bench.open().attempts == 2
    assert bench.b.deadlines == [began + 600 + 3600]


def failing(bench: Bench, first: Exception, second: Exception) -> GatewayError:
    bench.a, bench.b = ScriptedProvider("a", (first,)), ScriptedProvider("b", (second,))
    with pytest.raises(GatewayError) as failure:
        bench.open()
    return failure.value


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(DOWN, LIMITED, DOWN), (LIMITED, DOWN, LIMITED), (ODD, DOWN, DOWN), (DOWN, ODD, DOWN)],
)
def test_when_all_fail_the_first_failure_that_may_pass_is_told(
    bench: Bench, first: Exception, second: Exception, expected: Exception
) -> None:
    assert str(failing(bench, first, second)) == str(expected)


def test_when_none_may_pass_the_first_failure_is_told(bench: Bench) -> None:
    assert str(failing(bench, ODD, UpstreamMisbehaved("more of it"))) == str(ODD)


def test_when_any_answer_was_lost_the_caller_shall_not_try_again(bench: Bench) -> None:
    assert failing(bench, UpstreamMisbehaved("cut", work_done=True), UpstreamTimeout("x")).work_done


FAILURES = st.sampled_from([DOWN, LIMITED, ODD, UpstreamTimeout("slow")])


@settings(max_examples=50)
@given(st.lists(FAILURES, min_size=1, max_size=6), st.lists(FAILURES, min_size=1, max_size=6))
def test_however_providers_fail_each_is_asked_three_times_at_most(
    first: list[Exception], second: list[Exception]
) -> None:
    bench = Bench()
    bench.a = ScriptedProvider("a", *([each] for each in first))
    bench.b = ScriptedProvider("b", *([each] for each in second))
    with suppress(GatewayError):
        bench.open()
    assert len(bench.a.requests) <= 3
    assert len(bench.b.requests) <= 3
    assert sum(bench.clock.pauses) <= 10
    assert bench.slots_are_free()
