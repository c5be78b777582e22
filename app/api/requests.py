"""What every request gets: a trace, an X-Request-ID, one log line, one count (R19)."""

from __future__ import annotations

import re
from secrets import token_hex

from flask import Flask

from app.api import current, limits
from app.api.lean import Answer
from app.errors import NotFound
from app.schemas.bodies import MAX_BODY_BYTES
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
    request, held = current.request(), current.held()
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _ACCEPTED_ID.fullmatch(given) else f"req_{token_hex(16)}"
    method = request.method if request.method in _METHODS else "other"
    trace = held.trace = Trace(request_id, method)
    if request.url_rule is not None:
        trace.endpoint = request.url_rule.rule
    if request.environ["PATH_INFO"].startswith("//"):
        # Flask would take it for the path without: a way around a proxy's rules for that path.
        raise NotFound("There is nothing at this path.")
    if request.path.startswith(_BOUNDED):
        # What comes in chunks does not say how long it is: it may be as long as any.
        chunked = "HTTP_TRANSFER_ENCODING" in request.environ
        length = MAX_BODY_BYTES if chunked else request.content_length or 0
        held.place = current.services().in_flight.enter(length)


def end(response: Answer) -> Answer:
    """Name the request in the answer; log it now, or when its stream is over."""
    held, headers, status = current.held(), response.headers, response.status_code
    trace, place, standing = held.trace, held.get("place"), held.get("standing")
    headers.add("X-Request-ID", trace.request_id)
    if trace.attempts is not None:
        headers.add("X-Gateway-Attempts", str(trace.attempts))
    if standing is not None:
        headers.extend(limits.headers(standing))
    in_flight = current.services().in_flight

    def over() -> None:
        if place is not None:
            in_flight.leave(place)
        request_ended(trace, status)

    if response.is_streamed:
        response.call_on_close(over)
    else:
        over()
    return response
