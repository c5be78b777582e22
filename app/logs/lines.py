"""A log line: an event with what is known of it, as JSON in ASCII, or for people (N19).

    {"request_id":"req_...","method":"POST","endpoint":"/v1/responses","status":200,...,
     "event":"request","level":"info","timestamp":"2030-01-31T12:00:00Z"}

Every line says whose it is: the ids that `identify` was given in this thread or greenlet.
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

#: What a caller or an upstream has chosen, so that it may be anything.
_CHOSEN = ("request_id", "model", "upstream_request_id")
#: What we have written ourselves: there is nothing to hide in it.
_OURS = frozenset(
    {"event", "level", "timestamp", "frames", "response_id", "trace_id", "key_id", *_CHOSEN}
)

#: The usual lines: all their words but those that were chosen are ours.
_ALL_OURS = frozenset({"request", "job"})
MAX_CHOSEN = 128
_NOBODY: Mapping[str, str] = {}

_identity: ContextVar[Mapping[str, str]] = ContextVar("log_identity")


def identify(**ids: str) -> None:
    """Put these ids (`request_id`, `response_id`, `trace_id`) on every line from here on.

    That is for this thread or greenlet, until the next call; with none, on no line.
    """
    _identity.set(ids)


def renderers(form: Form) -> list[structlog.typing.Processor]:
    """Return what makes a line of an event."""
    return [_json_line] if form == "json" else [_known, *_FOR_PEOPLE]


def line(form: Form, level: str, fields: Fields) -> str:
    """Return the line of an event that does not come by way of structlog."""
    rendered: Any = fields
    for render in renderers(form):
        rendered = render(None, level, rendered)
    return str(rendered)


def _known(_logger: object, _level: str, fields: Fields) -> Fields:
    """Add whose line it is, and hide what looks like a credential."""
    for name, value in _identity.get(_NOBODY).items():
        fields.setdefault(name, value)
    get = fields.get
    if not are_ids(f"{get('request_id')} {get('model')} {get('upstream_request_id')}"):
        for name in _CHOSEN:
            chosen = get(name)
            if chosen is not None:
                fields[name] = presentable(chosen)
    # MEASURED: to look into all that is ours of the usual line would be 2 % of a small request.
    if fields["event"] not in _ALL_OURS:
        for name, value in fields.items():
            if isinstance(value, PurePath):
                fields[name] = redact(str(value))
            elif isinstance(value, str) and name not in _OURS:
                fields[name] = redact(value)
    return fields


def presentable(value: str) -> str:
    """Return what may be repeated of a value that was to be an id, or a model's name."""
    if is_id(value):
        return value
    return HIDDEN if " " in value else redact(value)[:MAX_CHOSEN]


def _json_line(logger: object, level: str, fields: Fields) -> str:
    _known(logger, level, fields)
    fields["level"] = level
    now = fields["timestamp"] = datetime.now(UTC)
    try:
        written = orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z)
    except TypeError:  # a whole number of more than 64 bits, half a surrogate: no line is lost
        fields["timestamp"] = now.isoformat().replace("+00:00", "Z")
        return json.dumps(fields, default=str)
    # In ASCII a line ends where it ends: U+2028 and its like begin a new one for some readers.
    return written.decode() if written.isascii() else json.dumps(orjson.loads(written))


_FOR_PEOPLE: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Quoted, so that nothing in a value steers the terminal.
    structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True),
]
