"""A shortage of file descriptors in the log: a line now and then, not one for each caller."""

from __future__ import annotations

from time import monotonic

from app.telemetry.logs import log

EACH_S = 10.0

_last = [float("-inf")]


def shortage_noted() -> None:
    """Log that there are none left, unless that was logged a moment ago."""
    now = monotonic()
    if now - _last[0] >= EACH_S:
        _last[0] = now
        log.warning("descriptors_exhausted", remedy="raise LimitNOFILE (ulimit -n)")
