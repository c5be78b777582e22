"""What the end of a call leaves behind: free slots, a breaker that knows, a count."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from contextlib import suppress

import pytest
import structlog
from prometheus_client import REGISTRY

from app import telemetry
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    AnswerTooLong,
    CallerGone,
    GatewayError,
    InvalidRequest,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.logs.lines import identify
from app.services.upstreams.router import UpstreamAnswer
from tests.services.router_bench import ANSWER, Bench, begin_and_drop, drop, exhaust
from tests.services.scripted import HELLO, SILENCE, ScriptedProvider, Step

DOWN = UpstreamUnavailable("down")
LIMITED = UpstreamRateLimited("slow down", retry_after_s=3)
ODD = UpstreamMisbehaved("nonsense")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("leave", [drop, begin_and_drop, exhaust], ids=lambda f: f.__name__)
def test_however_an_answer_is_left_its_slot_is_free_again(
    bench: Bench, leave: Callable[[UpstreamAnswer], None]
) -> None:
    opened = bench.open()
    assert not bench.slots_are_free()
    leave(opened)
    assert bench.slots_are_free()
    assert bench.a.left == 1


def test_an_answer_that_is_forgotten_frees_its_slot(bench: Bench) -> None:
    bench.open()
    assert bench.slots_are_free()


def test_an_answer_that_breaks_off_frees_its_slot(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", (HELLO, DOWN))
    with pytest.raises(UpstreamUnavailable):
        list(bench.open().batches)
    assert bench.slots_are_free()


def test_failed_targets_free_their_slots(bench: Bench) -> None:
    bench.a = bench.b = ScriptedProvider("a", (DOWN,))
    with pytest.raises(UpstreamUnavailable):
        bench.open()
    assert bench.slots_are_free()


def test_a_busy_provider_is_passed_over_at_once_if_another_may_answer(bench: Bench) -> None:
    kept = bench.open_a()
    opened = bench.open(patience_s=3600)
    assert (opened.provider, opened.attempts) == ("b", 2)
    drop(kept)


def test_no_slot_is_waited_for_beyond_the_deadline(bench: Bench) -> None:
    kept = bench.open_a()
    bench.call = UpstreamCall(deadline=bench.clock.now)
    with pytest.raises(UpstreamUnavailable, match="busy"):
        bench.open_a(patience_s=3600)
    drop(kept)


def test_being_full_is_no_failure_of_the_provider(bench: Bench) -> None:
    kept = bench.open_a()
    for _ in range(20):
        with pytest.raises(UpstreamUnavailable, match="busy"):
            bench.open_a(patience_s=0)
    assert bench.breakers.states()["a"] == "closed"
    drop(kept)


def whole_calls(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.call = UpstreamCall(deadline=math.inf)
        with suppress(GatewayError):
            exhaust(bench.open_a())


def take_out(bench: Bench) -> None:
    """Have provider `a` fail until it is no longer asked."""
    bench.a = ScriptedProvider("a", (ODD,))
    whole_calls(bench, 20)
    bench.a = ScriptedProvider("a")


@pytest.mark.parametrize("script", [(ODD,), (HELLO, DOWN)], ids=["before", "in the answer"])
def test_failing_calls_open_the_breaker(bench: Bench, script: tuple[Step, ...]) -> None:
    bench.a = ScriptedProvider("a", script)
    whole_calls(bench, 19)
    assert bench.breakers.states()["a"] == "closed"
    whole_calls(bench, 1)
    assert bench.breakers.states()["a"] == "open"


def test_a_call_is_counted_once_whatever_its_attempts(bench: Bench) -> None:
    bench.jitter = 1.0
    bench.a = ScriptedProvider("a", (DOWN,))
    whole_calls(bench, 8)
    assert len(bench.a.requests) == 24
    assert bench.breakers.states()["a"] == "closed"


@pytest.mark.parametrize("error", [InvalidRequest("no"), LIMITED, CallerGone("gone")], ids=repr)
def test_what_is_no_failure_of_the_provider_leaves_it_closed(
    bench: Bench, error: GatewayError
) -> None:
    bench.a = ScriptedProvider("a", (error,))
    whole_calls(bench, 30)
    assert bench.breakers.states()["a"] == "closed"


def test_answers_that_succeed_are_counted(bench: Bench) -> None:
    whole_calls(bench, 21)
    bench.a = ScriptedProvider("a", (ODD,))
    whole_calls(bench, 20)
    assert bench.breakers.states()["a"] == "closed"


def test_an_open_breaker_means_the_next_target_without_an_attempt(bench: Bench) -> None:
    take_out(bench)
    bench.call = UpstreamCall(deadline=math.inf)
    opened = bench.open()
    assert (opened.provider, opened.attempts, bench.a.requests) == ("b", 1, [])


def test_an_open_breaker_and_no_other_target_says_when_to_come_back(bench: Bench) -> None:
    take_out(bench)
    with pytest.raises(UpstreamUnavailable) as refusal:
        bench.open_a()
    assert refusal.value.retry_after_s == 5


def test_a_stream_that_has_begun_closes_the_breaker_before_it_ends(bench: Bench) -> None:
    take_out(bench)
    bench.clock.now += 5
    opened = bench.open_a()
    assert bench.breakers.states()["a"] == "closed"
    drop(opened)


def test_silence_does_not_close_the_breaker(bench: Bench) -> None:
    take_out(bench)
    bench.clock.now += 5
    bench.a = ScriptedProvider("a", (SILENCE, DOWN))
    opened = bench.open_a()
    assert bench.breakers.states()["a"] == "half_open"
    with pytest.raises(UpstreamUnavailable):
        exhaust(opened)
    assert bench.breakers.states()["a"] == "open"


def test_a_probe_that_finds_no_free_slot_leaves_the_next_call_to_try(bench: Bench) -> None:
    kept = bench.open_a()
    for _ in range(20):
        bench.breakers.admit("a").settle(ODD)
    bench.clock.now += 5
    with pytest.raises(UpstreamUnavailable, match="busy"):
        bench.open_a(patience_s=0)
    drop(kept)
    assert bench.open_a().provider == "a"


def counted(provider: str, outcome: str) -> float:
    labels = {"provider": provider, "outcome": outcome}
    return REGISTRY.get_sample_value("gateway_upstream_calls_total", labels) or 0.0


@pytest.mark.parametrize(
    ("script", "leave", "outcome"),
    [
        (ANSWER, exhaust, "answered"),
        (ANSWER, drop, "abandoned"),
        ((HELLO, CallerGone("gone")), exhaust, "abandoned"),
        ((HELLO, UpstreamTimeout("slow")), exhaust, "upstream_timeout"),
        ((UpstreamMisbehaved("nonsense"),), exhaust, "upstream_error"),
        ((InvalidRequest("no"),), exhaust, "invalid_request_error"),
    ],
)
def test_each_attempt_is_counted_by_how_it_ended(
    bench: Bench, script: tuple[Step, ...], leave: Callable[[UpstreamAnswer], None], outcome: str
) -> None:
    bench.a = ScriptedProvider("a", script)
    before = counted("a", outcome)
    with suppress(GatewayError):
        leave(bench.open_a())
    assert counted("a", outcome) == before + 1


def test_an_answer_that_needs_no_closing_is_fine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.a, "answer", lambda request, call: iter(ANSWER))
    drop(bench.open_a())
    assert bench.slots_are_free()


@pytest.mark.parametrize("stream", [True, False])
def test_a_mistake_of_an_adapter_is_logged_counted_and_holds_nothing(
    bench: Bench, stream: bool
) -> None:
    logged = io.StringIO()
    telemetry.configure_logging("INFO", "json", logged)
    before = _mistakes()
    bench.stream, bench.a = stream, ScriptedProvider("a", [AttributeError("sk-secret")])
    identify(request_id="req_1")
    with pytest.raises(GatewayError) as caught:
        bench.open_a()
    identify()
    structlog.reset_defaults()
    line = json.loads(logged.getvalue())
    assert (type(caught.value), line["error"]) == (GatewayError, "AttributeError")
    assert (line["request_id"], line["provider"], line["attempts"]) == ("req_1", "a", 1)
    assert line["frames"][-1].endswith("_play")
    assert "sk-secret" not in logged.getvalue()
    assert _mistakes() == before + 1
    assert bench.slots_are_free()


def _mistakes() -> float:
    name, labels = "gateway_unexpected_errors_total", {"place": "provider"}
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_answer_that_is_too_long_asks_nobody_else_and_opens_no_breaker(bench: Bench) -> None:
    bench.a = ScriptedProvider("a", [AnswerTooLong("no end")])
    for _ in range(50):
        with pytest.raises(AnswerTooLong):
            bench.open()
    assert not bench.b.requests
    assert bench.breakers.states()["a"] == "closed"
