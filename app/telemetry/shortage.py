"""Logs a shortage of file descriptors now and then, not once for each caller."""

from __future__ import annotations

from time import monotonic

from app.telemetry.logs import log

EACH_S = 10.0

_last = [float("-inf")]


def shortage_noted() -> None:
    """Log that no descriptors are left, unless that was logged a moment ago."""
    now = monotonic()
    if now - _last[0] >= EACH_S:
        _last[0] = now
        log.warning("descriptors_exhausted", remedy="raise LimitNOFILE (ulimit -n)")
