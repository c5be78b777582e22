"""Logs and metrics: plain functions, one log line and a few counters a request.

Never a body, a prompt, a key or an upstream credential: what is logged is listed here by name.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from types import TracebackType
from typing import Any, Literal, TextIO

import orjson
import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

METRICS_CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

REQUESTS = Counter("gateway_requests", "Requests answered.", ["method", "endpoint", "status"])
REQUEST_SECONDS = Histogram(
    "gateway_request_duration_seconds",
    "From the first byte of a request to the last of its answer.",
    ["endpoint"],
    buckets=_SECONDS,
)
STREAMS_OPEN = Gauge("gateway_streams_open", "Streams being told now.", multiprocess_mode="livesum")
UPSTREAM_CALLS = Counter(
    "gateway_upstream_calls", "Calls of upstream models, retries included.", ["provider", "outcome"]
)
UPSTREAM_SECONDS = Histogram(
    "gateway_upstream_first_byte_seconds",
    "From asking an upstream to the first that it says.",
    ["provider"],
    buckets=_SECONDS,
)
BREAKERS_OPEN = Gauge(
    "gateway_upstream_breakers_open",
    "Processes in which a provider is given a rest.",
    ["provider"],
    multiprocess_mode="livesum",
)
TOKENS = Counter("gateway_tokens", "Tokens that upstreams counted.", ["provider", "kind"])
JOBS = Counter("gateway_jobs", "Background responses that have ended.", ["outcome"])
JOBS_AGAIN = Counter(
    "gateway_jobs_queued_again",
    "Background responses put back into their queue: their worker was lost, or told to stop.",
    ["reason"],
)
JOB_LEASES_LOST = Counter("gateway_job_leases_lost", "Leases that no worker renewed in time.")
JOB_WAIT_SECONDS = Histogram(
    "gateway_job_wait_seconds", "From queueing to the worker that takes it.", buckets=_SECONDS
)
JOB_SECONDS = Histogram(
    "gateway_job_duration_seconds", "From queueing to the end.", buckets=_SECONDS
)
STORE_FAILURES = Counter("gateway_store_failures", "Calls that the store failed.", ["operation"])

# MEASURED: a metric looks for its child under a lock, 4 µs each time, seven times a request.
_requests = cache(REQUESTS.labels)
_request_seconds = cache(REQUEST_SECONDS.labels)
_upstream_calls = cache(UPSTREAM_CALLS.labels)
_upstream_seconds = cache(UPSTREAM_SECONDS.labels)
_tokens = cache(TOKENS.labels)

#: What is known of the queues of background responses, for all processes alike.
FIGURES = {
    "gateway_jobs_queued": "Background responses that wait for a worker.",
    "gateway_jobs_running": "Background responses that workers have taken.",
    "gateway_jobs_oldest_seconds": "For how long the one that waits longest has waited.",
}

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure_logging(
    level: str, form: Literal["json", "text"], stream: TextIO | None = None
) -> None:
    """Send log lines of at least `level` to `stream` (stderr), as JSON or for people."""
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if form == "json"
        # Quoted, so that nothing in a value steers the terminal.
        else structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def _json(event: dict[str, Any], **_: Any) -> str:
    line = orjson.dumps(event, default=str)
    # In ASCII a line ends where it ends: U+2028 and its like begin a new one for some readers.
    return line.decode() if line.isascii() else json.dumps(orjson.loads(line))


@dataclass(slots=True)
class Trace:
    """What the log line of one request says; times are in seconds of time.monotonic()."""

    request_id: str
    method: str
    started: float = field(default_factory=monotonic)
    endpoint: str = "unmatched"
    account: str | None = None
    key_id: str | None = None
    model: str | None = None
    provider: str | None = None
    attempts: int | None = None
    upstream_request_id: str | None = None
    upstream_s: float | None = None
    response_id: str | None = None
    outcome: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error_code: str | None = None


def request_ended(trace: Trace, status: int) -> None:
    """Count and log a request whose answer is over."""
    duration_s = monotonic() - trace.started
    _requests(trace.method, trace.endpoint, status).inc()
    _request_seconds(trace.endpoint).observe(duration_s)
    told = {
        "request_id": trace.request_id,
        "method": trace.method,
        "endpoint": trace.endpoint,
        "status": status,
        "duration_ms": _ms(duration_s),
        "upstream_ms": _ms(trace.upstream_s),
        "account": trace.account,
        "key_id": trace.key_id,
        "model": trace.model,
        "provider": trace.provider,
        "attempts": trace.attempts,
        "upstream_request_id": trace.upstream_request_id,
        "response_id": trace.response_id,
        "outcome": trace.outcome,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "error_code": trace.error_code,
    }
    log.info("request", **{name: value for name, value in told.items() if value is not None})


@dataclass(slots=True)
class JobTrace:
    """What the log line of one background response says; times are in seconds."""

    response_id: str
    account: str
    key_id: str
    model: str
    waited_s: float | None = None
    provider: str | None = None
    attempts: int | None = None
    upstream_request_id: str | None = None
    upstream_s: float | None = None


def job_ended(
    trace: JobTrace, outcome: str, duration_s: float, tokens: tuple[int, int], error: str | None
) -> None:
    """Count and log a background response that has ended; `tokens` are those in and out."""
    JOBS.labels(outcome).inc()
    JOB_SECONDS.observe(duration_s)
    provider = trace.provider or "none"
    for kind, count in zip(("input", "output"), tokens, strict=True):
        TOKENS.labels(provider, kind).inc(count)
    told = {
        "response_id": trace.response_id,
        "account": trace.account,
        "key_id": trace.key_id,
        "model": trace.model,
        "outcome": outcome,
        "duration_ms": _ms(duration_s),
        "waited_ms": _ms(trace.waited_s),
        "upstream_ms": _ms(trace.upstream_s),
        "provider": trace.provider,
        "attempts": trace.attempts,
        "upstream_request_id": trace.upstream_request_id,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "error_code": error,
    }
    log.info("job", **{name: value for name, value in told.items() if value is not None})


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def upstream_spoke(provider: str, seconds: float) -> None:
    """Count the time that an upstream took to its first word."""
    _upstream_seconds(provider).observe(seconds)


def upstream_ended(provider: str, outcome: str) -> None:
    """Count a call of an upstream."""
    _upstream_calls(provider, outcome).inc()


def tokens_counted(provider: str, taken: Mapping[str, int]) -> None:
    """Count the tokens of an answer by their kind."""
    for kind, count in taken.items():
        if count:
            _tokens(provider, kind).inc(count)


def breaker_changed(provider: str, state: str) -> None:
    """Show the state of a provider's circuit breaker in this process."""
    BREAKERS_OPEN.labels(provider).set(state != "closed")
    log.warning("breaker_changed", provider=provider, state=state)


def unexpected(error: BaseException, request_id: str) -> None:
    """Log a bug: where it happened and its kind, never its message, which may hold a prompt.

    `request_id` is the id of what was being done: a request, or a response in the background.
    """
    log.error(
        "unexpected_error",
        request_id=request_id,
        error=type(error).__name__,
        frames=_frames(error.__traceback__),
    )


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return frames[-20:]


def metrics(figures: Mapping[str, float]) -> bytes:
    """Return the metrics of all processes together, in Prometheus' text format.

    `figures` are those of FIGURES that are known at this moment.
    """
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # half typed upstream
    except ValueError:  # PROMETHEUS_MULTIPROC_DIR is not set: this process is all there is
        registry = REGISTRY
    looked_up = CollectorRegistry()
    looked_up.register(_Figures(figures))
    return generate_latest(registry) + generate_latest(looked_up)


class _Figures(Collector):
    """Gauges that nobody keeps: they are looked up when they are asked for."""

    def __init__(self, figures: Mapping[str, float]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for name, value in self._figures.items():
            yield GaugeMetricFamily(name, FIGURES[name], value)
