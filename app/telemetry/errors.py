"""Reports bugs: unexpected errors are logged with their type and place, and counted."""

from __future__ import annotations

from prometheus_client import Counter

from app.descriptors import is_shortage
from app.errors import GatewayError, Overloaded
from app.logs.libraries import frames
from app.telemetry.logs import log
from app.telemetry.occasions import shortage_noted

UNEXPECTED_ERRORS = Counter("gateway_unexpected_errors", "Unexpected errors, by place.", ["place"])


def unexpected(
    error: BaseException, request_id: str, place: str = "request", **known: object
) -> None:
    """Log a bug: its place and type, never its message, which may contain a prompt.

    `request_id` is the id of the request, or background response, that was processed; if it is ""
    or the place, the line gets the ids that this thread or greenlet has set with `identify`.
    `place` is the part of the gateway that failed, a label of the metric; `known` are further
    fields of the line.
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
    """Return the error that callers see for a bug, which is logged and counted as by `unexpected`.

    A shortage of file descriptors is not a bug: the gateway is overloaded then.
    """
    if is_shortage(error):
        shortage_noted()
        return Overloaded()
    unexpected(error, request_id, place, **known)
    return GatewayError("The gateway failed.", work_done=True)
