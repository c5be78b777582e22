"""Bugs: what nobody foresaw is logged with its kind and place, and counted."""

from __future__ import annotations

from prometheus_client import Counter

from app.descriptors import is_shortage
from app.errors import GatewayError, Overloaded
from app.logs.libraries import frames
from app.telemetry.logs import log
from app.telemetry.shortage import shortage_noted

UNEXPECTED_ERRORS = Counter("gateway_unexpected_errors", "Unexpected errors, by place.", ["place"])


def unexpected(
    error: BaseException, request_id: str, place: str = "request", **known: object
) -> None:
    """Log a bug: where it happened and its kind, never its message, which may hold a prompt.

    `request_id` is the id of what was being done: a request, or a response in the background;
    where it is "", or the place, it is whatever this thread or greenlet has set with `identify`.
    `place` is the part of the gateway that stumbled, a label of the metric; `known` stands on the
    line as well.
    """
    UNEXPECTED_ERRORS.labels(place).inc()
    ids = {"response_id" if request_id.startswith("resp_") else "request_id": request_id}
    log.error(
        "unexpected_error",
        **(ids if request_id not in ("", place) else {}),
        **known,
        place=place,
        error=type(error).__name__,
        frames=frames(error.__traceback__),
    )


def own_mistake(
    error: Exception, request_id: str, place: str = "request", **known: object
) -> GatewayError:
    """Return what callers are shown of a bug, which is logged and counted as by `unexpected`.

    A lack of file descriptors is none: the gateway is overloaded then.
    """
    if is_shortage(error):
        shortage_noted()
        return Overloaded()
    unexpected(error, request_id, place, **known)
    return GatewayError("The gateway failed.", work_done=True)
