"""What is counted of calls of models: times, retries, fallbacks, tokens (N12)."""

from __future__ import annotations

from contextlib import suppress

import pytest

from app.domain.response import Usage
from app.domain.stream.deltas import Batch
from app.errors import (
    GatewayError,
    InvalidRequest,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.catalog import Target
from app.telemetry import MeasuredCall, answer_counted
from tests.samples import Growth
from tests.services.router_bench import Bench, drop, exhaust
from tests.services.scripted import HELLO, SILENCE, THE_END, ScriptedProvider

DOWN = UpstreamUnavailable("down")
TTFT = "gateway_time_to_first_token_seconds"
DURATION = "gen_ai_client_operation_duration_seconds"
RETRIES, FALLBACKS = "gateway_upstream_retries_total", "gateway_fallbacks_total"


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def growth() -> Growth:
    return Growth(
        *(f"{name}_{part}" for name in (TTFT, DURATION) for part in ("sum", "count")),
        *(RETRIES, FALLBACKS),
    )


def test_a_stream_shows_how_long_it_took_to_its_first_output(bench: Bench, growth: Growth) -> None:
    bench.a = ScriptedProvider("a", (lambda: bench.clock.pause(bench.call, 2.0), HELLO, THE_END))
    exhaust(bench.open())
    assert growth.of(f"{TTFT}_sum", provider="a", model="other") == 2.0


def test_a_stream_that_begins_with_silence_has_its_first_output_later(
    bench: Bench, growth: Growth
) -> None:
    later = (SILENCE, lambda: bench.clock.pause(bench.call, 30.0), SILENCE, HELLO, HELLO, THE_END)
    bench.a = ScriptedProvider("a", later)
    exhaust(bench.open())
    assert growth.of(f"{TTFT}_sum", provider="a") == 30.0
    assert growth.of(f"{TTFT}_count") == 1


def test_a_first_output_that_is_relayed_counts(bench: Bench, growth: Growth) -> None:
    relayed: list[Batch] = []

    def relay(batch: Batch) -> bool:
        relayed.append(batch)
        return bool(batch)

    bench.a = ScriptedProvider("a", (SILENCE, THE_END))
    opened = bench.open()
    bench.call.relay_to(relay)
    bench.clock.now += 20.0
    for batch in (SILENCE, HELLO, HELLO):
        assert bench.call.relay is not None
        bench.call.relay(batch)
    assert bench.call.relay is relay  # from the first output on nothing is watched
    exhaust(opened)
    assert relayed == [SILENCE, HELLO, HELLO]
    assert (growth.of(f"{TTFT}_sum"), growth.of(f"{TTFT}_count")) == (20.0, 1)


def test_a_whole_answer_has_no_first_output(bench: Bench, growth: Growth) -> None:
    bench.stream = False
    exhaust(bench.open())
    assert growth.of(f"{TTFT}_count") == 0


def test_calls_are_timed_to_their_end_with_the_error_that_ended_them(
    bench: Bench, growth: Growth
) -> None:
    slow = lambda: bench.clock.pause(bench.call, 1.0)  # noqa: E731 - a step of a script
    bench.a = ScriptedProvider("a", (slow, DOWN))
    bench.b = ScriptedProvider("b", (slow, HELLO, slow, THE_END))
    exhaust(bench.open(patience_s=0))
    labels = {"gen_ai_operation_name": "chat", "gen_ai_request_model": "other"}
    failed = {"gen_ai_provider_name": "a", "error_type": "upstream_unavailable", **labels}
    assert growth.of(f"{DURATION}_sum", **failed) == 1.0
    answered = {"gen_ai_provider_name": "b", "error_type": "", **labels}
    assert growth.of(f"{DURATION}_sum", **answered) == 2.0


def test_a_code_that_an_upstream_has_made_up_is_no_label(bench: Bench) -> None:
    growth = Growth("gateway_upstream_calls_total", f"{DURATION}_count")
    for number in range(3):
        refused = InvalidRequest("no", code=f"made_up_{number}")
        bench.a = ScriptedProvider("a", (refused,))
        with suppress(InvalidRequest):
            bench.open()
    error = "invalid_request_error"
    assert growth.of("gateway_upstream_calls_total", provider="a", outcome=error) == 3
    assert growth.of(f"{DURATION}_count", gen_ai_provider_name="a", error_type=error) == 3


def test_an_answer_that_is_left_was_abandoned(bench: Bench, growth: Growth) -> None:
    drop(bench.open())
    assert growth.of(f"{DURATION}_count", error_type="abandoned") == 1


def test_retries_are_counted_by_what_the_attempt_before_failed_with(
    bench: Bench, growth: Growth
) -> None:
    bench.a = ScriptedProvider("a", (DOWN,), (UpstreamTimeout("slow", sent=False),), (HELLO,))
    exhaust(bench.open())
    assert growth.of(RETRIES, provider="a", cause="upstream_unavailable") == 1
    assert growth.of(RETRIES, provider="a", cause="upstream_timeout") == 1
    assert growth.of(FALLBACKS) == 0


def test_a_request_that_was_sent_anew_on_a_new_connection_was_a_retry(
    bench: Bench, growth: Growth
) -> None:
    bench.a = ScriptedProvider("a", (bench.call.count_attempt, HELLO, THE_END))
    exhaust(bench.open())
    assert growth.of(RETRIES, provider="a", cause="connection_lost") == 1


def test_a_fallback_is_counted_by_who_was_left_and_why(bench: Bench, growth: Growth) -> None:
    bench.a = ScriptedProvider("a", (UpstreamRateLimited("slow down", retry_after_s=60),))
    exhaust(bench.open())
    assert growth.of(FALLBACKS, provider="a", cause="rate_limit_exceeded") == 1
    assert growth.of(RETRIES) == 0


def test_the_last_failure_leads_to_no_fallback(bench: Bench, growth: Growth) -> None:
    bench.a = bench.b = ScriptedProvider("a", (UpstreamRateLimited("no"),))
    with suppress(GatewayError):
        bench.open(patience_s=0)
    assert growth.of(FALLBACKS) == 1


def test_rounds_count_fallbacks_within_a_round_and_retries_from_round_to_round(
    bench: Bench, growth: Growth
) -> None:
    bench.a = ScriptedProvider("a", (DOWN,))
    bench.b = ScriptedProvider("b", (DOWN,), (HELLO, THE_END))
    targets = (Target("model", bench.a, "model-a"), Target("spare", bench.b, "model-b"))
    until = bench.clock() + 60
    exhaust(bench.router.open_in_time(targets, bench.request_for, bench.call, until))
    assert growth.of(FALLBACKS, provider="a", cause="upstream_unavailable") == 2
    assert growth.of(FALLBACKS, provider="b") == 0
    assert growth.of(RETRIES, provider="a") == 1
    assert growth.of(RETRIES, provider="b") == 1


# Tokens

TOKENS, USAGE = "gateway_tokens_total", "gen_ai_client_token_usage"
PACE = "gateway_time_per_output_token_seconds"


def test_tokens_are_counted_by_provider_model_and_kind() -> None:
    growth = Growth(TOKENS, f"{USAGE}_sum", f"{USAGE}_count")
    call = MeasuredCall("house", "best", "mistral_ai")
    answer_counted(call, Usage(10, 5, 4, 3, 2).by_kind)
    kinds = ("input", "output", "cached", "cache_write", "reasoning")
    found = [growth.of(TOKENS, provider="house", model="best", kind=kind) for kind in kinds]
    assert found == [10, 5, 4, 3, 2]
    labels = {"gen_ai_provider_name": "mistral_ai", "gen_ai_request_model": "best"}
    assert growth.of(f"{USAGE}_sum", **labels | {"gen_ai_token_type": "input"}) == 10
    assert growth.of(f"{USAGE}_sum", **labels | {"gen_ai_token_type": "output"}) == 5
    assert growth.of(f"{USAGE}_count") == 2


def test_tokens_of_a_process_that_was_lost_are_counted_all_the_same() -> None:
    growth = Growth(TOKENS, f"{USAGE}_count")
    answer_counted(None, Usage(10, 5).by_kind)
    assert growth.of(TOKENS, provider="none", model="other", kind="input") == 10
    assert growth.of(f"{USAGE}_count") == 0


@pytest.mark.parametrize(
    ("first_output_at", "output", "count"), [(1.0, 2, 1), (1.0, 1, 0), (1.0, 0, 0), (None, 9, 0)]
)
def test_only_a_stream_of_several_tokens_shows_how_fast_they_come(
    first_output_at: float | None, output: int, count: int
) -> None:
    growth = Growth(f"{PACE}_count")
    call = MeasuredCall("house", "best", "house", first_output_at=first_output_at)
    answer_counted(call, Usage(1, output).by_kind)
    assert growth.of(f"{PACE}_count", provider="house", model="best") == count
