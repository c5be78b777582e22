"""Metrics of model calls: durations, tokens, causes of retries and fallbacks (M3).

`gen_ai_*` are the names, labels and buckets of OpenTelemetry's conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/) as Prometheus writes them.
Models appear by label (services.upstreams.model_labels): callers cannot create new series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic

from prometheus_client import Counter

from app.telemetry.counts import SECONDS, count
from app.telemetry.metric_buffer import Counting, Timings

_PER_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5)
_OPERATION_SECONDS = tuple(0.01 * 2**n for n in range(14))
_OPERATION_TOKENS = tuple(4**n for n in range(14))
_OPERATION = "chat"
#: Provider and model of tokens of which only the counts are known.
_LOST = ("none", "other")

TOKENS = Counter(
    "gateway_tokens",
    "Tokens counted by upstreams: input includes cached and cache_write, output reasoning.",
    ["provider", "model", "kind"],
)
FIRST_TOKEN_SECONDS = Timings(
    "gateway_time_to_first_token_seconds",
    "Seconds from sending a request to an upstream to the first output of its stream.",
    ["provider", "model"],
    buckets=SECONDS,
)
TOKEN_SECONDS = Timings(
    "gateway_time_per_output_token_seconds",
    "Seconds per output token after the first, from a stream's first output to its end.",
    ["provider", "model"],
    buckets=_PER_TOKEN,
)
RETRIES = Counter(
    "gateway_upstream_retries",
    "Retried calls to upstreams, by the cause of the previous failure.",
    ["provider", "cause"],
)
FALLBACKS = Counter(
    "gateway_fallbacks",
    "Calls that moved on to a fallback, by the provider that failed and the cause.",
    ["provider", "cause"],
)
OPERATION_TOKENS = Timings(
    "gen_ai_client_token_usage",
    "Tokens used by an answer.",
    [
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_request_model",
        "gen_ai_token_type",
    ],
    buckets=_OPERATION_TOKENS,
)
OPERATION_SECONDS = Timings(
    "gen_ai_client_operation_duration_seconds",
    "Seconds from sending a request to an upstream to the end of its answer.",
    ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"],
    buckets=_OPERATION_SECONDS,
)

_tokens = cache(TOKENS.labels)
_first_token_seconds = cache(FIRST_TOKEN_SECONDS.labels)
_token_seconds = cache(TOKEN_SECONDS.labels)
_retries = cache(RETRIES.labels)
_fallbacks = cache(FALLBACKS.labels)
_operation_tokens = cache(OPERATION_TOKENS.labels)
_operation_seconds = cache(OPERATION_SECONDS.labels)


@dataclass(slots=True)
class MeasuredCall:
    """A call of one target, for metrics; times are of time.monotonic().

    `vendor` is the provider's name in the conventions. `first_output_at` is when a streamed answer
    first had output, None if it has none yet or is not streamed.
    """

    provider: str
    model: str
    vendor: str
    sent_at: float = 0.0
    first_output_at: float | None = None


def first_output_counted(call: MeasuredCall, at: float) -> None:
    """Record the time to a stream's first output; later calls do nothing."""
    if call.first_output_at is None:
        call.first_output_at = at
        seconds = at - call.sent_at
        count(((_first_token_seconds, call.provider, call.model), seconds))


def call_counted(call: MeasuredCall, seconds: float, error: str = "") -> None:
    """Record a finished call, and the error that ended it, if any."""
    count(((_operation_seconds, _OPERATION, call.vendor, call.model, error), seconds))


def tokens_counted(provider: str, model: str, taken: Mapping[str, int]) -> None:
    """Count tokens by their kind, of a call that has no measurements."""
    count(*[((_tokens, provider, model, kind), n) for kind, n in taken.items() if n])


def answer_counted(call: MeasuredCall | None, taken: Mapping[str, int]) -> None:
    """Count the tokens of an answer by kind; None is a call by a process that was lost.

    For a finished stream the time per token is recorded, too.
    """
    if call is None:
        tokens_counted(*_LOST, taken)
        return
    provider, model, vendor = call.provider, call.model, call.vendor
    counts: list[tuple[Counting, float]]
    counts = [((_tokens, provider, model, kind), n) for kind, n in taken.items() if n]
    for kind in ("input", "output"):
        if n := taken[kind]:
            counts.append(((_operation_tokens, _OPERATION, vendor, model, kind), n))
    if call.first_output_at is not None and taken["output"] > 1:
        seconds = (monotonic() - call.first_output_at) / (taken["output"] - 1)
        counts.append(((_token_seconds, provider, model), seconds))
    count(*counts)


def retry_counted(provider: str, cause: str, times: int = 1) -> None:
    """Count a retried call of a provider."""
    count(((_retries, provider, cause), times))


def fallback_counted(provider: str, cause: str) -> None:
    """Count a fallback: the call leaves a failed provider for the next target."""
    count(((_fallbacks, provider, cause), 1))
