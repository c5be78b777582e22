"""What every request gets: a trace, an X-Request-ID, one log line, one count (R19)."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import token_hex

from flask import Flask, Response, g, request

from app.api import current
from app.telemetry import Trace, request_ended

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    """Trace every request of this app."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    """Start the request's trace."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _ACCEPTED_ID.fullmatch(given) else f"req_{token_hex(16)}"
    method = request.method if request.method in _METHODS else "other"
    g.trace = Trace(request_id, method)
    if request.url_rule is not None:
        g.trace.endpoint = request.url_rule.rule


def end(response: Response) -> Response:
    """Name the request in the answer; log it now, or when its stream is over."""
    trace = current.trace()
    response.headers["X-Request-ID"] = trace.request_id
    if response.is_streamed:
        response.call_on_close(_over(trace, response.status_code))
    else:
        request_ended(trace, response.status_code)
    return response


def _over(trace: Trace, status: int) -> Callable[[], None]:
    return lambda: request_ended(trace, status)
