"""Logs now and then, not once for each caller, what many callers meet at the same time."""

from __future__ import annotations

from time import monotonic

from app.telemetry.logs import log

EACH_S = 10.0

_last: dict[str, float] = {}


def _is_news(what: str) -> bool:
    """Tell whether something is to be logged: it was not a moment ago."""
    now = monotonic()
    if now - _last.get(what, float("-inf")) < EACH_S:
        return False
    _last[what] = now
    return True


def shortage_noted() -> None:
    """Log that no descriptors are left, unless that was logged a moment ago."""
    if _is_news("descriptors_exhausted"):
        log.warning("descriptors_exhausted", remedy="raise LimitNOFILE (ulimit -n)")


def forbidden_noted(reason: str) -> None:
    """Log what Redis forbids its user, unless that was logged a moment ago."""
    if _is_news(reason):
        log.error("storage_forbidden", reason=reason)
