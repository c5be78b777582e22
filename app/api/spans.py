"""The span of a request, named by OpenTelemetry's HTTP semantic conventions (M4).

It contains no path, query or header of the caller's: they may hold anything.
"""

from __future__ import annotations

from app.api import context
from app.errors import CallerGone
from app.logs.lines import presentable
from app.telemetry import Trace
from app.telemetry.traces import FAILED, PROBES
from app.telemetry.tracing import Recording, begin, tracer


def begin_request(current: context.CallContext, trace: Trace) -> None:
    """Start the request's span, if it is to be recorded; its identity continues from there."""
    if trace.endpoint in PROBES:
        return
    names = current.identity
    given = current.environ.get("HTTP_TRACEPARENT", "")
    continues = given[3:35] == names.trace_id
    method = _method(trace, "HTTP")
    current.recording = begin(
        method if trace.endpoint == "unmatched" else f"{method} {trace.endpoint}",
        "server",
        trace_id=names.trace_id,
        span_id=names.span_id,
        parent_id=given[36:52] if continues else "",
        parent_is_recorded=names.is_sampled if continues else None,
    )
    current.identity = names.within(names.span_id, sampled=current.recording is not None)


def end_request(recording: Recording, trace: Trace, status: int) -> None:
    """End the request's span, and export all of its spans."""
    recording.root.attributes |= {
        "http.request.method": _method(trace, "_OTHER"),
        "http.route": None if trace.endpoint == "unmatched" else trace.endpoint,
        "http.response.status_code": status,
        "error.type": trace.error_code,
        "gateway.request.id": trace.request_id,
        "gateway.response.id": trace.response_id,
        "gateway.response.status": trace.outcome,
        "gateway.account": trace.account,
        "gateway.key.id": trace.key_id,
        "gateway.attempts": trace.attempts,
        "gen_ai.request.model": trace.model and presentable(trace.model),
    }
    # A failed stream has status 200; one whose caller left has not failed.
    broke = trace.outcome == "failed" and trace.error_code != CallerGone.code
    has_failed = status >= FAILED or broke
    tracer.end(recording, (trace.error_code or str(status)) if has_failed else None)


def _method(trace: Trace, other: str) -> str:
    return other if trace.method == "other" else trace.method
