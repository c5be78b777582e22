"""Handles each request's trace, X-Request-ID, log line and metrics (R19)."""

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

#: Headers that carry the caller's request id, by precedence; the second is OpenAI's clients'.
_NAMED = ("HTTP_X_REQUEST_ID", "HTTP_X_CLIENT_REQUEST_ID")
#: Maximum number of digits of a Content-Length that are parsed; a longer one is too large.
_MOST_DIGITS = 18
_DESCRIPTORS = threshold()
#: Paths under admission control: probes are admitted however busy the process is.
_BOUNDED = ("/v1/", "/console/api/")
#: The path where OpenAI's API offers a WebSocket.
_RESPONSES = "/v1/responses"
#: Bytes from which a body keeps its request's place until it is sent: the caller may be slow.
_LONG_ANSWER = 1024 * 1024
#: Lowest HTTP status that is an error.
_REFUSED = 400
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    """Trace every request of this app."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    """Start the request's trace, and admit it among the requests in flight."""
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
        # Flask would strip the extra slash, which would evade a proxy's rules for the path.
        raise NotFound  # answered as any unknown path is
    if "HTTP_SEC_WEBSOCKET_KEY" in environ or "HTTP_UPGRADE" in environ:
        _refuse_websocket(current, request.path)
    if request.path.startswith(_BOUNDED):
        current.body_bytes = _length(environ)
        if current.body_bytes > MAX_BODY_BYTES:  # before authentication (N15)
            raise RequestEntityTooLarge
        _refuse_without_descriptors(environ)
        current.place = current.services.in_flight.enter(current.body_bytes)


def _refuse_websocket(current: context.CallContext, path: str) -> None:
    """Refuse a WebSocket upgrade with the one status after which clients fall back at once (E10).

    On 200, 404, 405 or 501 they retry for some seconds; on 400 they abandon the turn. The refusal
    precedes authentication: a caller without a key learns that from the POST that follows. A proxy
    may have dropped `Upgrade`, which is hop-by-hop, but not Sec-WebSocket-Key.

    Raises:
        WebSocketNotOffered: the request asks for a WebSocket at or below /v1/responses, and the
            path, the server or the settings do not offer one.
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
    """Return the request's identity, with the caller's own request id if that is valid."""
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
    """Refuse a caller whose connection has one of the last file descriptors: a call needs more.

    A new connection gets the lowest free number; a high number may also be that of an old one.

    Raises:
        Overloaded: only the reserve for requests under way is left.
    """
    client = environ.get("gunicorn.socket")
    if client is None or client.fileno() < _DESCRIPTORS:
        return
    if not has_room(_DESCRIPTORS):
        shortage_noted()
        raise Overloaded


def _length(environ: dict[str, Any]) -> int:
    """Return the Content-Length in bytes, 0 for a chunked body."""
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or not (length.isascii() and length.isdigit()):
        return 0
    return int(length) if len(length) <= _MOST_DIGITS else MAX_BODY_BYTES + 1


def end(answer: WSGIResponse) -> WSGIResponse:
    """Add the common headers; log now, or when the stream or a long body has been sent."""
    current, headers = context.current(), answer.headers
    trace, standing = current.trace, current.standing
    headers["X-Request-ID"] = trace.request_id
    if answer.status < _REFUSED:  # the duration of a refusal could leak a secret
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
        if current.place is not None:  # else a stream without its caller gives it back
            in_flight.leave(current.place)
        left = trace.error_code == CallerGone.code or _was_left(answer.body, trace)
        _log(current, CallerGone.status if left else answer.status)

    if isinstance(answer.body, bytes) and len(answer.body) < _LONG_ANSWER:
        over()
    else:
        answer.over = over
    return answer


def _log(current: context.CallContext, status: int) -> None:
    """Log an ended request, as a log line and in the request log (M6)."""
    trace, book, now = current.trace, current.services.meter.book, time()
    duration_s = request_ended(trace, status)
    if current.recording is not None:
        spans.end_request(current.recording, trace, status)
    if book.logs_requests:
        entry = request_entry(trace, status, duration_s, now)
        if entry is not None:
            book.log(entry)


def _was_left(body: object, trace: Trace) -> bool:
    """Tell whether a stream ended because its caller disconnected before all of it was sent."""
    if getattr(body, "is_sent", True) or trace.method == "HEAD":
        return False
    fault = sys.exc_info()[1]
    if fault is None or isinstance(fault, OSError | GeneratorExit):
        trace.error_code = CallerGone.code
        return True
    trace.error_code = (isinstance(fault, GatewayError) and fault.code) or GatewayError.type
    return False
