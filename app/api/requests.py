"""What every request gets: a trace, an X-Request-ID, one log line, one count (R19)."""

from __future__ import annotations

import re
from secrets import token_hex

from flask import Flask, Response, g, request

from app.api import current, limits
from app.errors import NotFound
from app.telemetry import Trace, request_ended

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
#: Probes are let in however busy the process is.
_BOUNDED = "/v1/"
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    """Trace every request of this app."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    """Start the request's trace, and take its place among those in flight."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _ACCEPTED_ID.fullmatch(given) else f"req_{token_hex(16)}"
    method = request.method if request.method in _METHODS else "other"
    g.trace = Trace(request_id, method)
    if request.url_rule is not None:
        g.trace.endpoint = request.url_rule.rule
    if request.environ["PATH_INFO"].startswith("//"):
        # Flask would take it for the path without: a way around a proxy's rules for that path.
        raise NotFound("There is nothing at this path.")
    if request.path.startswith(_BOUNDED):
        g.place = current.services().in_flight.enter(request.content_length or 0)


def end(response: Response) -> Response:
    """Name the request in the answer; log it now, or when its stream is over."""
    trace, place = current.trace(), g.get("place")
    response.headers["X-Request-ID"] = trace.request_id
    if trace.attempts is not None:
        response.headers["X-Gateway-Attempts"] = str(trace.attempts)
    standing = g.get("standing")
    if standing is not None:
        response.headers.update(limits.headers(standing))
    status = response.status_code

    def over() -> None:
        if place is not None:
            current_in_flight.leave(place)
        request_ended(trace, status)

    current_in_flight = current.services().in_flight
    if response.is_streamed:
        response.call_on_close(over)
    else:
        over()
    return response
