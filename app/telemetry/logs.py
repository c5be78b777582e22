"""The log: events, not prose, a line each."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TextIO

from app.logs.lines import Form, identify, renderers
from app.logs.structured import structlog
from app.logs.writer import LineWriter

__all__ = ["configure_logging", "identify", "log", "log_ending"]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure_logging(level: str, form: Form, stream: TextIO | None = None) -> None:
    """Send log lines of at least `level` to `stream` (stderr), as JSON or for people."""
    structlog.configure(
        processors=renderers(form),
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=_writer(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    _ending_line.cache_clear()


def _writer(stream: TextIO | None) -> Callable[..., LineWriter | structlog.WriteLogger]:
    """Return what makes the writer of lines to a stream; None, for a closed stderr, is stdout."""
    stderr = sys.__stderr__
    if stderr is None or stream is not stderr:  # a file whose descriptor may become another's
        return structlog.WriteLoggerFactory(file=stream)
    writer = LineWriter(stderr.fileno())
    return lambda *_: writer


@cache
def _ending_line(
    level: str,
) -> tuple[Callable[[Any], Any] | None, Sequence[structlog.typing.Processor]]:
    """Return what writes such a line of this level, None for nothing, and what makes it.

    MEASURED: structlog's own way from an event to its line copies the fields three times, which is
    8 µs of each request.
    """
    configured = structlog.get_config()
    is_written = log.bind().is_enabled_for(logging.getLevelNamesMapping()[level.upper()])
    write = configured["logger_factory"]().msg if is_written else None
    return write, configured["processors"]


def log_ending(
    event: str,
    fields: Mapping[str, object],
    nullable: Mapping[str, object] | None = None,
    *,
    aside: bool = False,
) -> None:
    """Log that something has ended, with what is known of it; at debug where it is an `aside`.

    Of `nullable`, null is said as well.
    """
    level = "debug" if aside else "info"
    write, processors = _ending_line(level)
    if write is None:
        return
    known = {name: value for name, value in fields.items() if value is not None}
    if nullable is not None:
        known.update(nullable)
    known["event"] = event
    line: Any = known
    for process in processors:
        line = process(None, level, line)
    write(line)
