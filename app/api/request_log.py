"""What every request gets: a trace, an X-Request-ID, one log line, one count (R19)."""

from __future__ import annotations

import sys
from time import monotonic, time
from typing import Any

from flask import Flask
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from app.api import context, spans
from app.api.http import rate_limit_headers as limits
from app.api.http.json_response import name_ignored
from app.api.http.queries import unknown_keys
from app.api.http.response import WSGIResponse
from app.api.server_keys import UPGRADE
from app.descriptors import has_room, threshold
from app.domain.accounts.limits import UNLIMITED_STANDING
from app.domain.identity import RequestIdentity, identity
from app.errors import CallerGone, GatewayError, Overloaded, WebSocketNotOffered
from app.logs.redaction import is_id
from app.randomness import random_bytes
from app.schemas.request.body import MAX_BODY_BYTES
from app.services.limits.request_log import request_entry
from app.telemetry import Trace, identify, request_ended, shortage_noted
from app.telemetry.tracing import tracer

#: Where callers say what they call a request: the way that OpenAI's clients do comes second.
_NAMED = ("HTTP_X_REQUEST_ID", "HTTP_X_CLIENT_REQUEST_ID")
#: The most digits of a length that is looked at; any longer one is too large.
_MOST_DIGITS = 18
_DESCRIPTORS = threshold()
#: Probes are let in however busy the process is.
_BOUNDED = ("/v1/", "/console/api/")
#: Where other endpoints of this API offer a WebSocket.
_RESPONSES = "/v1/responses"
#: An answer as long keeps the request's place until it is sent: its caller may read slowly.
_LONG_ANSWER = 1024 * 1024
#: From this status on an answer is an error.
_REFUSED = 400
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    """Trace every request of this app."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    """Start the request's trace, and take its place among those in flight."""
    request, current = context.request(), context.current()
    environ, method, rule = request.environ, request.method, request.url_rule
    names = current.identity = _identity(environ)
    trace_id = names.trace_id
    identify(request_id=names.request_id, trace_id=trace_id)
    current.environ = environ
    trace = current.trace = Trace(names.request_id, method if method in _METHODS else "other")
    trace.trace_id = trace_id
    if rule is not None:
        trace.endpoint = rule.rule
    if tracer.sampler is not None:
        spans.begin_request(current, trace)
    if environ["PATH_INFO"].startswith("//"):
        # Flask would take it for the path without: a way around a proxy's rules for that path.
        raise NotFound  # answered as any path that leads nowhere
    if "HTTP_SEC_WEBSOCKET_KEY" in environ or "HTTP_UPGRADE" in environ:
        _refuse_websocket(current, request.path)
    if request.path.startswith(_BOUNDED):
        current.body_bytes = _length(environ)
        if current.body_bytes > MAX_BODY_BYTES:  # whoever sends it (N15)
            raise RequestEntityTooLarge
        _refuse_without_descriptors(environ)
        current.place = current.services.in_flight.enter(current.body_bytes)


def _refuse_websocket(current: context.CallContext, path: str) -> None:
    """Refuse an upgrade to WebSocket in the one way after which clients fall back at once (E10).

    On 200, 404, 405 or 501 they try again for some seconds; on 400 they give the turn up. It is
    refused before the key is looked at: whoever has none learns that by the POST that follows. A
    proxy in front may have dropped `Upgrade`, which is of one hop, but not the handshake's key.

    Raises:
        WebSocketNotOffered: a WebSocket is what is asked for, on a path of responses, and cannot
            be had: there, in this server, or at all.
    """
    environ = current.environ
    if (
        UPGRADE in environ
        and path in (_RESPONSES, _RESPONSES + "/")
        and current.services.websockets.settings.enabled
    ):
        return
    wanted = [each.strip().lower() for each in environ.get("HTTP_UPGRADE", "").split(",")]
    is_websocket = "HTTP_SEC_WEBSOCKET_KEY" in environ or "websocket" in wanted
    if is_websocket and (path == _RESPONSES or path.startswith(_RESPONSES + "/")):
        raise WebSocketNotOffered(
            "There is no WebSocket here: send the request by POST /v1/responses; "
            "with 'stream': true its events come as they are made."
        )


def _identity(environ: dict[str, Any]) -> RequestIdentity:
    """Return what the request is called: as its caller calls it, if that can be an id."""
    given = None
    for header in _NAMED:
        if header in environ and is_id(environ[header]):
            given = environ[header]
            break
    if "HTTP_TRACEPARENT" not in environ:
        return identity(random_bytes, given)
    traceparent, tracestate = environ["HTTP_TRACEPARENT"], environ.get("HTTP_TRACESTATE", "")
    return identity(random_bytes, given, traceparent, tracestate)


def _refuse_without_descriptors(environ: dict[str, Any]) -> None:
    """Refuse a caller whose connection has one of the last descriptors: more would be needed.

    A new one has the lowest number that is free; an old one may have kept its number.

    Raises:
        Overloaded: there are none but for what is under way.
    """
    client = environ.get("gunicorn.socket")
    if client is None or client.fileno() < _DESCRIPTORS:
        return
    if not has_room(_DESCRIPTORS):
        shortage_noted()
        raise Overloaded


def _length(environ: dict[str, Any]) -> int:
    """Return how long the body says that it is; what comes in chunks does not say."""
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or not (length.isascii() and length.isdigit()):
        return 0
    return int(length) if len(length) <= _MOST_DIGITS else MAX_BODY_BYTES + 1


def end(answer: WSGIResponse) -> WSGIResponse:
    """Name the request in the answer; log it now, or when its stream, or a long body, is over."""
    current, headers = context.current(), answer.headers
    trace, standing = current.trace, current.standing
    headers["X-Request-ID"] = trace.request_id
    if answer.status < _REFUSED:  # how long a refusal took may tell what its words do not
        headers["openai-processing-ms"] = f"{(monotonic() - trace.started) * 1e3:.0f}"
    if trace.attempts:
        headers["X-Gateway-Attempts"] = str(trace.attempts)
    if standing is not None and standing is not UNLIMITED_STANDING:
        headers.update(limits.headers(standing))
    query = current.environ.get("QUERY_STRING")
    if query and (unknown := unknown_keys(trace.method, trace.endpoint, query)):
        name_ignored(headers, unknown)
    in_flight = current.services.in_flight

    def over() -> None:
        if current.place is not None:  # else it is for what goes on without its caller
            in_flight.leave(current.place)
        left = trace.error_code == CallerGone.code or _was_left(answer.body, trace)
        _log(current, CallerGone.status if left else answer.status)

    if isinstance(answer.body, bytes) and len(answer.body) < _LONG_ANSWER:
        over()
    else:
        answer.over = over
    return answer


def _log(current: context.CallContext, status: int) -> None:
    """Log a request that is over, in a line and in the request log (M6)."""
    trace, book, now = current.trace, current.services.meter.book, time()
    duration_s = request_ended(trace, status)
    if current.recording is not None:
        spans.end_request(current.recording, trace, status)
    if book.logs_requests:
        entry = request_entry(trace, status, duration_s, now)
        if entry is not None:
            book.log(entry)


def _was_left(body: object, trace: Trace) -> bool:
    """Tell whether a stream ends because its caller has gone, before all of it was sent."""
    if getattr(body, "is_sent", True) or trace.method == "HEAD":
        return False
    fault = sys.exc_info()[1]
    if fault is None or isinstance(fault, OSError | GeneratorExit):
        trace.error_code = CallerGone.code
        return True
    trace.error_code = (isinstance(fault, GatewayError) and fault.code) or GatewayError.type
    return False
