"""The log: events, not prose, a line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TextIO

import orjson
import structlog

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure_logging(
    level: str, form: Literal["json", "text"], stream: TextIO | None = None
) -> None:
    """Send log lines of at least `level` to `stream` (stderr), as JSON or for people."""
    structlog.configure(
        processors=[_json_line] if form == "json" else _FOR_PEOPLE,
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    _bound.cache_clear()


# MEASURED: to be bound anew for each line costs `log` eight calls, and structlog's own processors
# eight more than one that does all.
_bound = cache(log.bind)

_FOR_PEOPLE: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Quoted, so that nothing in a value steers the terminal.
    structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True),
]


def log_ending(event: str, told: Mapping[str, object]) -> None:
    """Log that something has ended, with what is known of it."""
    _bound().info(event, **{name: value for name, value in told.items() if value is not None})


def _json_line(_logger: object, level: str, event: Any) -> str:
    event["level"] = level
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    try:
        line = orjson.dumps(event, default=str)
    except TypeError:  # an integer of more than 64 bits, half a surrogate: no line is lost to it
        return json.dumps(event, default=str)
    # In ASCII a line ends where it ends: U+2028 and its like begin a new one for some readers.
    return line.decode() if line.isascii() else json.dumps(orjson.loads(line))
