"""What is known of a request, or of a background response, when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from app.telemetry.counts import JOB_SECONDS, JOBS, request_counted
from app.telemetry.logs import log_ending
from app.telemetry.model_calls import MeasuredCall, answer_counted, tokens_counted

#: Endpoints polled by the platform: logged at debug level, unless they fail.
PROBES = frozenset({"/health", "/healthz", "/readyz", "/version", "/metrics"})
FAILED = 500


@dataclass(slots=True)
class Trace:
    """The content of one request's log line; times are in seconds of time.monotonic().

    `model_label` is the model's name in metrics, and `call` that of the target which answered.
    `upstream_key` is the id of the key in the provider's pool, None without one. `is_charged` says
    that an answer was charged to the account, at a cost that may be unknown.
    """

    request_id: str
    method: str
    started: float = field(default_factory=monotonic)
    endpoint: str = "unmatched"
    account: str | None = None
    key_id: str | None = None
    model: str | None = None
    provider: str | None = None
    upstream_key: str | None = None
    attempts: int | None = None
    upstream_request_id: str | None = None
    upstream_s: float | None = None
    response_id: str | None = None
    outcome: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    is_charged: bool = False
    error_code: str | None = None
    trace_id: str | None = None
    model_label: str = ""
    call: MeasuredCall | None = None


def request_ended(trace: Trace, status: int) -> float:
    """Count and log a finished request; return its duration in seconds."""
    duration_s = monotonic() - trace.started
    request_counted(trace.method, trace.endpoint, status, trace.model_label, duration_s)
    fields = {
        "request_id": trace.request_id,
        "trace_id": trace.trace_id,
        "method": trace.method,
        "endpoint": trace.endpoint,
        "status": status,
        "duration_ms": round(duration_s * 1000, 2),
        "upstream_ms": _ms(trace.upstream_s),
        "account": trace.account,
        "key_id": trace.key_id,
        "model": trace.model,
        "provider": trace.provider,
        "upstream_key": trace.upstream_key,
        "attempts": trace.attempts,
        "upstream_request_id": trace.upstream_request_id,
        "response_id": trace.response_id,
        "outcome": trace.outcome,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "error_code": trace.error_code,
    }
    cost = {"cost_microusd": trace.cost_microusd} if trace.is_charged else None
    log_ending("request", fields, cost, aside=trace.endpoint in PROBES and status < FAILED)
    return duration_s


@dataclass(slots=True)
class JobTrace:
    """The content of one background response's log line; times are in seconds.

    `call` is that of the target which answered. `lost_by` is the provider and the model, as metrics
    name it, of output that a failure discarded.
    """

    response_id: str
    account: str
    key_id: str
    model: str
    waited_s: float | None = None
    provider: str | None = None
    upstream_key: str | None = None
    attempts: int | None = None
    upstream_request_id: str | None = None
    upstream_s: float | None = None
    request_id: str | None = None
    trace_id: str | None = None
    call: MeasuredCall | None = None
    lost_by: tuple[str, str] | None = None

    @property
    def ids(self) -> dict[str, str]:
        """The ids for log lines about the job; a job of an earlier release only has the last."""
        ids = {"request_id": self.request_id, "trace_id": self.trace_id}
        known = {name: value for name, value in ids.items() if value is not None}
        return {**known, "response_id": self.response_id}


def job_ended(
    trace: JobTrace,
    outcome: str,
    duration_s: float,
    tokens: Mapping[str, int],
    error: str | None,
    microusd: int | None,
) -> None:
    """Count and log a finished background response.

    `tokens` are those of its answer, `microusd` what they cost, None if unknown.
    """
    JOBS.labels(outcome).inc()
    JOB_SECONDS.observe(duration_s)
    if trace.lost_by is None:
        answer_counted(trace.call, tokens)
    else:
        tokens_counted(*trace.lost_by, tokens)
    fields = {
        "request_id": trace.request_id,
        "trace_id": trace.trace_id,
        "response_id": trace.response_id,
        "account": trace.account,
        "key_id": trace.key_id,
        "model": trace.model,
        "outcome": outcome,
        "duration_ms": round(duration_s * 1000, 2),
        "waited_ms": _ms(trace.waited_s),
        "upstream_ms": _ms(trace.upstream_s),
        "provider": trace.provider,
        "upstream_key": trace.upstream_key,
        "attempts": trace.attempts,
        "upstream_request_id": trace.upstream_request_id,
        "input_tokens": tokens["input"],
        "output_tokens": tokens["output"],
        "error_code": error,
    }
    log_ending("job", fields, {"cost_microusd": microusd})


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
