"""JSON responses, and the headers that describe how a response was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote, unquote

import orjson

from app.api import context
from app.api.http.response import WSGIResponse
from app.domain import response as domain
from app.domain.accounts.limits import Standing
from app.domain.prices import Cost
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.services.responses.started import Started
from app.services.upstreams.spans.calls import answered
from app.telemetry import Trace, answer_counted, tokens_counted

MAX_IGNORED_NAMES = 20
MAX_IGNORED_LENGTH = 1000


def json_response(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, status: int = 200
) -> WSGIResponse:
    """Return a JSON response."""
    return WSGIResponse(orjson.dumps(body), status, headers, content_type="application/json")


class TraceRecorder:
    """Records the outcome of a response in its request's log line and in the metrics."""

    __slots__ = ("call",)

    def __init__(self, call: context.CallContext) -> None:
        self.call = call

    def admitted(self, standing: Standing) -> None:
        """Record the caller's rate limits, for the headers of whichever response follows."""
        self.call.standing = standing

    def started(self, started: Started, call: UpstreamCall) -> None:
        """Record which upstream answers."""
        trace, opened = self.call.trace, started.opened
        trace.response_id, trace.provider = started.response_id, opened.provider
        trace.call = opened.call
        trace.upstream_s = opened.first_batch_s
        trace.upstream_request_id, trace.upstream_key = call.request_id, call.key

    def upstream_called(self, call: UpstreamCall) -> None:
        """Record which upstream was called, and how often, even if none has answered."""
        trace = self.call.trace
        if trace.provider is None:
            trace.provider, trace.upstream_key = call.provider, call.key
        trace.upstream_request_id = trace.upstream_request_id or call.request_id
        trace.attempts = None if call.provider is None else call.attempts

    def lost(self, usage: domain.Usage, cost: Cost) -> None:
        """Record the usage and the cost of output that a failure discarded."""
        trace = self.call.trace
        trace.input_tokens, trace.output_tokens = usage.input_tokens, usage.output_tokens
        trace.cost_microusd, trace.is_charged = cost.microusd, True
        tokens_counted(cost.provider, cost.model, usage.by_kind)

    def ended(self, response: domain.Response, failure: GatewayError | None, cost: Cost) -> None:
        """Record how the response ended, and its cost."""
        trace, usage = self.call.trace, response.usage or domain.NO_USAGE
        trace.response_id, trace.outcome = response.id, response.status
        trace.input_tokens, trace.output_tokens = usage.input_tokens, usage.output_tokens
        if failure is not None:
            trace.error_code = failure.code or failure.type
        answer_counted(trace.call, usage.by_kind)
        trace.cost_microusd, trace.is_charged = cost.microusd, True
        if self.call.recording is not None:
            answered(self.call.recording, response)


def response_headers(started: Started, trace: Trace) -> dict[str, str]:
    """Return the headers that name the provider and the time spent."""
    upstream_s = started.opened.first_batch_s
    gateway_s = monotonic() - trace.started - upstream_s
    headers = {
        "X-Gateway-Provider": started.opened.provider,
        "Server-Timing": f"gateway;dur={gateway_s * 1e3:.2f}, upstream;dur={upstream_s * 1e3:.2f}",
    }
    return headers | ignored_parameters(started.ignored) if started.ignored else headers


def ignored_parameters(names: Iterable[str]) -> dict[str, str]:
    """Return the header that lists the parameters not honoured, if there are any."""
    value = ignored_header(names)
    return {"X-Ignored-Parameters": value} if value else {}


def name_ignored(headers: dict[str, str], keys: Iterable[str]) -> None:
    """Add unknown query keys to the parameters that the header lists already (N21)."""
    named = headers.get("X-Ignored-Parameters", "")
    body = [unquote(name) for name in named.split(", ") if name]
    headers["X-Ignored-Parameters"] = ignored_header(body, keys)


def ignored_header(names: Iterable[str], keys: Iterable[str] = ()) -> str:
    """Return the value of X-Ignored-Parameters: bounded, and safe in a header (R1).

    The body's names come first, then the query's `keys`, each after a question mark.
    """
    listed: list[str] = []
    length = 0
    body = [_encoded(name) for name in dict.fromkeys(names)]
    for encoded in [*body, *("?" + _encoded(key) for key in dict.fromkeys(keys))]:
        length += len(encoded) + 2
        if len(listed) == MAX_IGNORED_NAMES or length > MAX_IGNORED_LENGTH:
            return ", ".join([*listed, "%E2%80%A6"])
        listed.append(encoded)
    return ", ".join(listed)


def _encoded(name: str) -> str:
    return quote(name, safe="[]").replace("~", "%7E")
