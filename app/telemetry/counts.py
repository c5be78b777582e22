"""The metrics: a few counts a request, of all processes together (N12)."""

from __future__ import annotations

import atexit
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from app.telemetry.logs import log
from app.telemetry.metric_buffer import MetricBuffer, Timings

#: Seconds for which a process buffers counts before it adds them to the metrics.
COUNTS_DELAY_S = 0.1

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

REQUESTS = Counter(
    "gateway_requests", "Requests answered.", ["method", "endpoint", "status", "model"]
)
REQUEST_SECONDS = Timings(
    "gateway_request_duration_seconds",
    "Seconds from the first byte of a request to the last byte of its answer.",
    ["endpoint", "model"],
    buckets=SECONDS,
)
STREAMS_OPEN = Gauge("gateway_streams_open", "Streams open now.", multiprocess_mode="livesum")
WEBSOCKETS_OPEN = Gauge(
    "gateway_websockets_open", "WebSockets open now.", multiprocess_mode="livesum"
)
UPSTREAM_CALLS = Counter(
    "gateway_upstream_calls",
    "Calls to upstream models, including retries.",
    ["provider", "outcome"],
)
KEY_CALLS = Counter(
    "gateway_upstream_key_calls",
    "Calls to upstream models by each key of a pool, including retries.",
    ["provider", "key", "outcome"],
)
UPSTREAM_SECONDS = Timings(
    "gateway_upstream_first_byte_seconds",
    "Seconds from calling an upstream to its first byte.",
    ["provider"],
    buckets=SECONDS,
)
BREAKERS_OPEN = Gauge(
    "gateway_upstream_breakers_open",
    "Number of processes in which a provider's circuit breaker is open.",
    ["provider"],
    multiprocess_mode="livesum",
)
COST = Counter(
    "gateway_cost_usd",
    "Cost of answers with a known price, in US dollars.",
    ["provider", "model"],
)
BUDGET_REFUSALS = Counter(
    "gateway_budget_refusals", "Requests refused because they would exceed a budget."
)
UNPRICED = Counter(
    "gateway_unpriced_requests", "Answers of unknown cost: without a price or a token count."
)
JOBS = Counter("gateway_jobs", "Background responses that have ended.", ["outcome"])
JOBS_AGAIN = Counter(
    "gateway_jobs_queued_again",
    "Background responses put back into the queue: their worker was lost or stopped, or they were "
    "parked until the next attempt at their upstream.",
    ["reason"],
)
JOB_LEASES_LOST = Counter(
    "gateway_job_leases_lost", "Leases of background responses that were not renewed in time."
)
JOB_WAIT_SECONDS = Histogram(
    "gateway_job_wait_seconds",
    "Seconds from queueing a background response to a worker taking it.",
    buckets=SECONDS,
)
JOB_SECONDS = Histogram(
    "gateway_job_duration_seconds",
    "Seconds from queueing a background response to its end.",
    buckets=SECONDS,
)
UPSTREAM_ODDITIES = Counter(
    "gateway_upstream_oddities",
    "Fields of upstream answers that were left out because of an unexpected type or form.",
    ["provider", "kind"],
)
STORE_FAILURES = Counter("gateway_store_failures", "Redis operations that failed.", ["operation"])
TOKEN_REFUSALS = Counter(
    "gateway_token_refusals", "Signed tokens that were refused.", ["issuer", "reason"]
)
JWKS_FETCHES = Counter(
    "gateway_jwks_fetches", "Attempts to fetch an issuer's keys.", ["issuer", "outcome"]
)
REQUEST_LOG_LOST = Counter(
    "gateway_request_log_lost",
    "Requests missing from the request log because Redis could not store them in time.",
)
WEBHOOKS = Counter(
    "gateway_webhook_deliveries",
    "Attempts at sending an event to a webhook endpoint: delivered, to be retried, or failed for "
    "good.",
    ["outcome"],
)
WEBHOOK_SECONDS = Histogram(
    "gateway_webhook_duration_seconds",
    "Seconds that an attempt to deliver a webhook event took.",
    buckets=SECONDS,
)
RETENTION_PURGED = Counter(
    "gateway_retention_purged",
    "Expired responses, items and conversations that were purged.",
    ["kind"],
)
RETENTION_OVERDUE = Gauge(
    "gateway_retention_overdue",
    "Expired content that is hidden but not purged yet.",
    multiprocess_mode="livemax",
)
RETENTION_OVERDUE_SECONDS = Gauge(
    "gateway_retention_overdue_seconds",
    "Seconds since the oldest unpurged content expired.",
    multiprocess_mode="livemax",
)
SPOOL_DELIVERED = Counter(
    "gateway_spool_delivered", "Spooled responses delivered to Redis, including its replicas."
)
SPOOL_LOST = Counter(
    "gateway_spool_lost", "Responses lost because neither Redis nor the spool could store them."
)

# MEASURED: a metric looks up its child under a lock, 4 µs each time, seven times a request. The
# buffer does so: a count may come from the garbage collector, in a thread that holds that lock.
_requests = cache(REQUESTS.labels)
_request_seconds = cache(REQUEST_SECONDS.labels)
_upstream_calls = cache(UPSTREAM_CALLS.labels)
_key_calls = cache(KEY_CALLS.labels)
_upstream_oddities = cache(UPSTREAM_ODDITIES.labels)
_upstream_seconds = cache(UPSTREAM_SECONDS.labels)
_cost = cache(COST.labels)

buffer = MetricBuffer()
#: Adds counts to the metrics, after a moment.
count = buffer.add


def gather_counts(delay_s: float = COUNTS_DELAY_S) -> None:
    """Buffer this process's counts for `delay_s`, or until the process ends."""
    buffer.delay_s = delay_s
    atexit.register(buffer.flush)


def request_counted(method: str, endpoint: str, status: int, model: str, seconds: float) -> None:
    """Count a finished request and its duration; `model` is a label, "" for none."""
    buffer.add(
        ((_requests, method, endpoint, status, model), 1),
        ((_request_seconds, endpoint, model), seconds),
    )


def first_byte_counted(provider: str, seconds: float) -> None:
    """Record an upstream's time to the first byte."""
    buffer.add(((_upstream_seconds, provider), seconds))


def upstream_oddity(provider: str, kind: str) -> None:
    """Count a field of an upstream's answer that was ignored."""
    buffer.add(((_upstream_oddities, provider, kind), 1))


def upstream_ended(provider: str, outcome: str, key: str | None = None) -> None:
    """Count a finished upstream call; `key` is the id of its key in the pool, if there is one."""
    buffer.add(((_upstream_calls, provider, outcome), 1))
    if key is not None:
        buffer.add(((_key_calls, provider, key, outcome), 1))


def cost_counted(provider: str, model: str, microusd: int | None) -> None:
    """Add the cost of an answer, in millionths of a US dollar; None if unknown."""
    if microusd is None:
        buffer.add((UNPRICED, 1))
    elif microusd:
        buffer.add(((_cost, provider, model), microusd / 1_000_000))


def breaker_changed(provider: str, state: str) -> None:
    """Record and log the state of a provider's circuit breaker in this process."""
    BREAKERS_OPEN.labels(provider).set(state != "closed")
    log.warning("breaker_changed", provider=provider, state=state)
