"""Spans of round trips to Redis, with the names of OpenTelemetry's database conventions (M4).

A span has the command's name, and that of the Lua program it runs; no key and no value.
"""

from __future__ import annotations

import hashlib
from typing import Any

from app.telemetry.tracing.spans import Recording, Span

#: Names of Lua programs by their SHA-1, as traces show them.
PROGRAMS: dict[str, str] = {}

#: Indexes of a command's name and its first argument in a split request; and the maximum splits.
_NAME, _PROGRAM, _WORDS = 2, 4, 6
_OF_CONNECTIONS = frozenset({"AUTH", "CLIENT", "HELLO", "PING", "READONLY", "SELECT"})


def begin_round_trip(recording: Recording, connection: Any, packed: object) -> Span | None:
    """Begin the span of commands that a connection sends; it ends with the last reply.

    Returns None for the connection's own commands, some of which an older Redis refuses.
    """
    command, program = _command(packed)
    if command in _OF_CONNECTIONS:
        return None
    span = recording.child(f"{command} {program}" if program else command)
    host = getattr(connection, "host", None)
    span.attributes = {
        "db.system.name": "redis",
        "db.operation.name": command,
        "db.stored_procedure.name": program or None,
        "db.namespace": str(getattr(connection, "db", 0)),
        "server.address": host or getattr(connection, "path", None),
        "server.port": getattr(connection, "port", None) if host else None,
    }
    return span


def _command(packed: Any) -> tuple[str, str]:
    """Return the first command's name, and the name of the program it runs, "" for none.

    `packed` is b"*3\\r\\n$7\\r\\nEVALSHA\\r\\n$40\\r\\n<sha1>...", or a list that begins with it.
    """
    first = packed if isinstance(packed, bytes) else next(iter(packed), b"")
    words = bytes(first).split(b"\r\n", _WORDS)
    if len(words) <= _NAME:
        return "UNKNOWN", ""
    command = words[_NAME].decode("ascii", "replace").upper()
    if command == "EVALSHA" and len(words) > _PROGRAM:
        return command, PROGRAMS.get(words[_PROGRAM].decode("ascii", "replace"), "")
    if command == "EVAL" and len(words) > _PROGRAM:
        sha1 = hashlib.sha1(words[_PROGRAM], usedforsecurity=False).hexdigest()
        return command, PROGRAMS.get(sha1, "")
    return command, ""
