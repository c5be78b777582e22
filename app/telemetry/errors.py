"""Bugs: what nobody foresaw is logged with its kind and place, and counted."""

from __future__ import annotations

from types import TracebackType

from prometheus_client import Counter

from app.telemetry.logs import log

UNEXPECTED_ERRORS = Counter(
    "gateway_unexpected_errors", "Errors that the gateway did not foresee, by place.", ["place"]
)


def unexpected(error: BaseException, request_id: str, place: str = "request") -> None:
    """Log a bug: where it happened and its kind, never its message, which may hold a prompt.

    `request_id` is the id of what was being done: a request, or a response in the background;
    `place` is the part of the gateway that stumbled, a label of the metric.
    """
    UNEXPECTED_ERRORS.labels(place).inc()
    log.error(
        "unexpected_error",
        request_id=request_id,
        place=place,
        error=type(error).__name__,
        frames=_frames(error.__traceback__),
    )


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return frames[-20:]
