"""Answers: JSON bodies, and the headers that say how a response came to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote

import orjson
from flask import Response

from app.domain import response as domain
from app.errors import GatewayError
from app.providers.base import UpstreamCall
from app.services.responses import Started
from app.telemetry import TOKENS, Trace

MAX_IGNORED_NAMES = 20
MAX_IGNORED_LENGTH = 1000


def json(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Return a JSON answer."""
    response = Response(orjson.dumps(body), status=status, mimetype="application/json")
    if headers:
        response.headers.update(headers)
    return response


def note(trace: Trace, started: Started, call: UpstreamCall) -> None:
    """Put what is known of an answer that has begun into the request's log line."""
    trace.response_id = started.response_id
    trace.provider = started.opened.provider
    trace.attempts = started.opened.attempts
    trace.upstream_s = started.opened.first_batch_s
    trace.upstream_request_id = call.request_id


def noting_end(trace: Trace) -> Callable[[domain.Response, GatewayError | None], None]:
    """Return what puts an answer's ending into the request's log line and the metrics."""

    def ended(response: domain.Response, failure: GatewayError | None) -> None:
        usage = response.usage or domain.Usage()
        trace.response_id, trace.outcome = response.id, response.status
        trace.input_tokens, trace.output_tokens = usage.input_tokens, usage.output_tokens
        if failure is not None:
            trace.error_code = failure.code or failure.type
        provider = trace.provider or "none"
        TOKENS.labels(provider, "input").inc(usage.input_tokens)
        TOKENS.labels(provider, "output").inc(usage.output_tokens)

    return ended


def describing(started: Started, trace: Trace) -> dict[str, str]:
    """Return the headers that say who answered, after how many tries, in what time."""
    upstream_s = started.opened.first_batch_s
    gateway_s = monotonic() - trace.started - upstream_s
    headers = {
        "X-Gateway-Provider": started.opened.provider,
        "X-Gateway-Attempts": str(started.opened.attempts),
        "Server-Timing": f"gateway;dur={gateway_s * 1e3:.2f}, upstream;dur={upstream_s * 1e3:.2f}",
    }
    if started.ignored:
        headers["X-Ignored-Parameters"] = ignored_header(started.ignored)
    return headers


def ignored_header(names: Iterable[str]) -> str:
    """Return the value of X-Ignored-Parameters: bounded, and safe in a header (R1)."""
    told: list[str] = []
    length = 0
    for name in dict.fromkeys(names):
        encoded = quote(name, safe="[]")
        length += len(encoded) + 2
        if len(told) == MAX_IGNORED_NAMES or length > MAX_IGNORED_LENGTH:
            return ", ".join([*told, "%E2%80%A6"])
        told.append(encoded)
    return ", ".join(told)
