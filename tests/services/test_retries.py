"""How often a failed attempt is repeated, and after how long."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.upstream_call import UpstreamCall
from app.errors import (
    CallerGone,
    GatewayError,
    InvalidRequest,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.retries import RetryPolicy, pause
from tests.processes import PATIENCE_S
from tests.services.scripted import Clock

LIMIT_S = 10.0


class Attempts:
    """Fails as told, the last way for ever, and counts."""

    def __init__(self, clock: Clock, *failures: Exception | None, each_s: float = 0.0) -> None:
        self.made = 0
        self._clock = clock
        self._failures = failures
        self._each_s = each_s

    def __call__(self) -> str:
        failure = self._failures[min(self.made, len(self._failures) - 1)]
        self.made += 1
        self._clock.now += self._each_s
        if failure is not None:
            raise failure
        return "answer"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(
    attempts: Attempts, clock: Clock, *, jitter: float = 0.0, call: UpstreamCall | None = None
) -> str:
    call = call or UpstreamCall(deadline=math.inf)
    retries = RetryPolicy(clock, lambda: jitter, clock.pause)
    return retries.run(attempts, call, clock.now + LIMIT_S)


def test_a_success_is_returned_at_once(clock: Clock) -> None:
    assert run(Attempts(clock, None), clock) == "answer"
    assert clock.pauses == []


def test_two_failures_are_survived(clock: Clock) -> None:
    down = UpstreamUnavailable("down")
    assert run(Attempts(clock, down, down, None), clock) == "answer"
    assert clock.pauses == [0.5, 1.0]


def test_the_third_failure_is_the_last(clock: Clock) -> None:
    attempts = Attempts(clock, *(UpstreamUnavailable(f"down {n}") for n in (1, 2, 3, 4)))
    with pytest.raises(UpstreamUnavailable, match="down 3"):
        run(attempts, clock)
    assert attempts.made == 3


def test_jitter_takes_up_to_half_of_a_delay(clock: Clock) -> None:
    down = UpstreamUnavailable("down")
    run(Attempts(clock, down, down, None), clock, jitter=1.0)
    assert clock.pauses == [0.25, 0.5]


def test_a_retry_after_is_honoured(clock: Clock) -> None:
    run(Attempts(clock, UpstreamUnavailable("down", retry_after_s=7), None), clock)
    assert clock.pauses == [7]


def test_a_retry_after_shorter_than_the_delay_does_not_hurry_it(clock: Clock) -> None:
    run(Attempts(clock, UpstreamUnavailable("down", retry_after_s=0), None), clock)
    assert clock.pauses == [0.5]


def test_a_retry_after_beyond_the_patience_ends_the_retries(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamUnavailable("down", retry_after_s=11), None)
    with pytest.raises(UpstreamUnavailable):
        run(attempts, clock)
    assert (attempts.made, clock.pauses) == (1, [])


def test_what_is_left_of_the_patience_is_what_counts(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamUnavailable("down", retry_after_s=6), None)
    run(attempts, clock)
    attempts = Attempts(clock, *[UpstreamUnavailable("down", retry_after_s=6)] * 3)
    with pytest.raises(UpstreamUnavailable):
        run(attempts, clock)
    assert attempts.made == 2


def test_no_attempt_begins_after_the_deadline(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamUnavailable("down"), None)
    with pytest.raises(UpstreamUnavailable):
        run(attempts, clock, call=UpstreamCall(deadline=clock.now + 0.4))
    assert attempts.made == 1


def test_what_could_not_be_connected_to_is_tried_again(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamTimeout("slow", sent=False), None, each_s=5)
    assert run(attempts, clock) == "answer"


def test_a_retry_after_is_not_waited_for_where_another_target_is_left(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamUnavailable("down", retry_after_s=1), None)
    with pytest.raises(UpstreamUnavailable):
        RetryPolicy(clock, lambda: 0.0, clock.pause).run(
            attempts, UpstreamCall(deadline=math.inf), clock.now + LIMIT_S, waits=False
        )
    assert (attempts.made, clock.pauses) == (1, [])


def test_a_later_retry_after_is_not_waited_for_either(clock: Clock) -> None:
    down = UpstreamUnavailable("down")
    attempts = Attempts(clock, down, UpstreamUnavailable("down", retry_after_s=1), None)
    with pytest.raises(UpstreamUnavailable):
        RetryPolicy(clock, lambda: 0.0, clock.pause).run(
            attempts, UpstreamCall(deadline=math.inf), clock.now + LIMIT_S, waits=False
        )
    assert (attempts.made, clock.pauses) == (2, [0.5])


def test_a_connection_that_used_up_the_patience_is_not_tried_again(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamTimeout("slow", sent=False), None, each_s=600)
    with pytest.raises(UpstreamTimeout):
        run(attempts, clock)
    assert attempts.made == 1


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRateLimited("slow down", retry_after_s=1),
        UpstreamMisbehaved("nonsense"),
        InvalidRequest("no"),
        CallerGone("gone"),
        UpstreamUnavailable("cut", work_done=True),
        UpstreamTimeout("cut", work_done=True),
        UpstreamTimeout("no answer"),
        ZeroDivisionError(),
    ],
    ids=repr,
)
def test_what_another_attempt_cannot_mend_or_would_pay_twice_is_not_repeated(
    clock: Clock, error: Exception
) -> None:
    attempts = Attempts(clock, error, None)
    with pytest.raises(type(error)):
        run(attempts, clock)
    assert attempts.made == 1


def test_a_later_failure_of_another_kind_ends_it(clock: Clock) -> None:
    attempts = Attempts(clock, UpstreamUnavailable("down"), InvalidRequest("no"), None)
    with pytest.raises(InvalidRequest):
        run(attempts, clock)
    assert attempts.made == 2


def test_a_call_cancelled_while_it_waits_is_not_tried_again(clock: Clock) -> None:
    call = UpstreamCall(deadline=math.inf)
    attempts = Attempts(clock, UpstreamUnavailable("down"), None)
    retries = RetryPolicy(clock, lambda: 0.0, lambda waiting, _: waiting.cancel())
    with pytest.raises(CallerGone):
        retries.run(attempts, call, clock.now + LIMIT_S)
    assert attempts.made == 1


def test_cancelling_ends_a_pause() -> None:
    call = UpstreamCall(deadline=math.inf)
    pausing = threading.Thread(target=pause, args=(call, 3600.0), daemon=True)
    pausing.start()
    call.cancel()
    pausing.join(PATIENCE_S)
    assert not pausing.is_alive()


def test_a_pause_ends_by_itself() -> None:
    pause(UpstreamCall(deadline=math.inf), 0.001)


FAILURES = st.lists(
    st.builds(UpstreamUnavailable, st.just("down"), retry_after_s=st.none() | st.integers(0, 20)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(FAILURES, st.floats(0, 1), st.floats(0, 30))
def test_however_it_fails_there_are_three_attempts_and_ten_seconds_at_most(
    failures: list[GatewayError], jitter: float, each_s: float
) -> None:
    clock = Clock()
    attempts = Attempts(clock, *failures, each_s=each_s)
    with pytest.raises(UpstreamUnavailable):
        run(attempts, clock, jitter=jitter)
    assert attempts.made <= 3
    assert sum(clock.pauses) <= LIMIT_S
