"""Logs and metrics: plain functions, one log line and a few counts a request.

Bodies, prompts, keys and credentials are never logged: what is logged is listed here by name.
"""

from __future__ import annotations

from app.telemetry.counts import (
    BUDGET_REFUSALS,
    JOB_LEASES_LOST,
    JOB_WAIT_SECONDS,
    JOBS_AGAIN,
    JWKS_FETCHES,
    REQUEST_LOG_LOST,
    RETENTION_OVERDUE,
    RETENTION_OVERDUE_SECONDS,
    RETENTION_PURGED,
    SPOOL_DELIVERED,
    SPOOL_LOST,
    STORE_FAILURES,
    STREAMS_OPEN,
    TOKEN_REFUSALS,
    WEBHOOK_SECONDS,
    WEBHOOKS,
    WEBSOCKETS_OPEN,
    breaker_changed,
    cost_counted,
    first_byte_counted,
    gather_counts,
    upstream_ended,
    upstream_oddity,
)
from app.telemetry.errors import own_mistake, unexpected
from app.telemetry.exposition import FIGURES, METRICS_CONTENT_TYPE, Exposition
from app.telemetry.logs import configure_logging, identify, log
from app.telemetry.model_calls import (
    MeasuredCall,
    answer_counted,
    call_counted,
    fallback_counted,
    first_output_counted,
    retry_counted,
    tokens_counted,
)
from app.telemetry.occasions import forbidden_noted, shortage_noted
from app.telemetry.rounds import surviving
from app.telemetry.saturation import SaturationSampler
from app.telemetry.traces import PROBES, JobTrace, Trace, job_ended, request_ended
from app.telemetry.upstream_keys import key_read, key_rests

__all__ = [
    "BUDGET_REFUSALS",
    "FIGURES",
    "JOBS_AGAIN",
    "JOB_LEASES_LOST",
    "JOB_WAIT_SECONDS",
    "JWKS_FETCHES",
    "METRICS_CONTENT_TYPE",
    "PROBES",
    "REQUEST_LOG_LOST",
    "RETENTION_OVERDUE",
    "RETENTION_OVERDUE_SECONDS",
    "RETENTION_PURGED",
    "SPOOL_DELIVERED",
    "SPOOL_LOST",
    "STORE_FAILURES",
    "STREAMS_OPEN",
    "TOKEN_REFUSALS",
    "WEBHOOKS",
    "WEBHOOK_SECONDS",
    "WEBSOCKETS_OPEN",
    "Exposition",
    "JobTrace",
    "MeasuredCall",
    "SaturationSampler",
    "Trace",
    "answer_counted",
    "breaker_changed",
    "call_counted",
    "configure_logging",
    "cost_counted",
    "fallback_counted",
    "first_byte_counted",
    "first_output_counted",
    "forbidden_noted",
    "gather_counts",
    "identify",
    "job_ended",
    "key_read",
    "key_rests",
    "log",
    "own_mistake",
    "request_ended",
    "retry_counted",
    "shortage_noted",
    "surviving",
    "tokens_counted",
    "unexpected",
    "upstream_ended",
    "upstream_oddity",
]
