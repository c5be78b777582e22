"""Formats log lines: an event with its fields, as JSON in ASCII, or as text for people (N19).

    {"request_id":"req_...","method":"POST","endpoint":"/v1/responses","status":200,...,
     "event":"request","level":"info","timestamp":"2030-01-31T12:00:00Z"}

Every line has the ids that were set by `identify` in this thread or greenlet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Literal

import orjson

from app.logs.redaction import HIDDEN, are_ids, is_id, redact
from app.logs.structured import structlog

Form = Literal["json", "text"]
Fields = MutableMapping[str, Any]

#: Fields whose values a caller or an upstream has chosen: they may contain anything.
_CHOSEN = ("request_id", "model", "upstream_request_id")
#: Fields that we write ourselves: there is nothing to hide in them.
_OURS = frozenset(
    {"event", "level", "timestamp", "frames", "response_id", "trace_id", "key_id", *_CHOSEN}
)

#: The usual events: all their fields except the chosen ones are ours.
_ALL_OURS = frozenset({"request", "job"})
MAX_CHOSEN = 128
_NOBODY: Mapping[str, str] = {}

_identity: ContextVar[Mapping[str, str]] = ContextVar("log_identity")


def identify(**ids: str) -> None:
    """Put these ids (`request_id`, `response_id`, `trace_id`) on every line from now on.

    This holds for this thread or greenlet, until the next call; without ids, they are removed.
    """
    _identity.set(ids)


def renderers(form: Form) -> list[structlog.typing.Processor]:
    """Return the processors that turn an event into a line."""
    return [_json_line] if form == "json" else [_known, *_FOR_PEOPLE]


def line(form: Form, level: str, fields: Fields) -> str:
    """Return the line of an event that was not logged by structlog."""
    rendered: Any = fields
    for render in renderers(form):
        rendered = render(None, level, rendered)
    return str(rendered)


def _known(_logger: object, _level: str, fields: Fields) -> Fields:
    """Add the ids of `identify`, and hide what looks like a credential."""
    for name, value in _identity.get(_NOBODY).items():
        fields.setdefault(name, value)
    get = fields.get
    if not are_ids(f"{get('request_id')} {get('model')} {get('upstream_request_id')}"):
        for name in _CHOSEN:
            chosen = get(name)
            if chosen is not None:
                fields[name] = presentable(chosen)
    # MEASURED: checking all of our fields in the usual lines would be 2 % of a small request.
    if fields["event"] not in _ALL_OURS:
        for name, value in fields.items():
            if isinstance(value, PurePath):
                fields[name] = redact(str(value))
            elif isinstance(value, str) and name not in _OURS:
                fields[name] = redact(value)
    return fields


def presentable(value: str) -> str:
    """Return the loggable form of a value that should be an id, or a model's name."""
    if is_id(value):
        return value
    return HIDDEN if " " in value else redact(value)[:MAX_CHOSEN]


def _json_line(logger: object, level: str, fields: Fields) -> str:
    _known(logger, level, fields)
    fields["level"] = level
    now = fields["timestamp"] = datetime.now(UTC)
    try:
        written = orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z)
    except TypeError:  # an integer above 64 bits, a lone surrogate: still log it
        fields["timestamp"] = now.isoformat().replace("+00:00", "Z")
        return json.dumps(fields, default=str)
    # ASCII only: for some readers U+2028 and its like begin a new line.
    return written.decode() if written.isascii() else json.dumps(orjson.loads(written))


_FOR_PEOPLE: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Quoted, so that no value can control the terminal.
    structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True),
]
