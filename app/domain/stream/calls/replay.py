"""Turns the events of a built-in tool's call back into the JSON from which they were made.

A builder that reads that JSON writes the same events again, one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from app.domain.built_in.apply_patch import DELETE, ApplyPatchCall
from app.domain.built_in.shell import ShellCall
from app.domain.items import BuiltInCall
from app.domain.stream.call_events import (
    BuiltInCallEvent,
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
)


def opening(call: BuiltInCall) -> str:
    """Return the arguments so far of a call that was just added."""
    written = _OPENINGS.get(type(call))
    return written(call) if written else ""


def as_written(call: BuiltInCall) -> str:
    """Return a complete call's arguments, which begin with its opening and events' fragments."""
    given = json.loads(call.arguments)
    match call:
        case ApplyPatchCall():
            diff = given["operation"].get("diff")
            written = "" if diff is None else f'{escaped(diff)}"'
            return f"{opening(call)}{written}}}}}"
        case ShellCall():
            commands = ", ".join(f'"{escaped(each)}"' for each in given.pop("commands"))
            rest = "".join(f", {json.dumps(name)}: {json.dumps(given[name])}" for name in given)
            return f"{opening(call)}{commands}]{rest}}}"
        case _:
            return call.arguments


def escaped(text: str) -> str:
    """Return a text as the inside of a JSON string; pieces can be concatenated."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def fragment_of(event: BuiltInCallEvent) -> str:
    """Return the fragment of the arguments that produces this event."""
    match event:
        case CommandAdded():
            return ', "' if event.command_index else '"'
        case CommandDelta() | DiffDelta():
            return escaped(event.delta)
        case CommandDone():
            return '"'
        case _:
            return '"'


def _opened_operation(call: BuiltInCall) -> str:
    operation = json.loads(call.arguments)["operation"]
    kind, path = json.dumps(operation["type"]), json.dumps(operation["path"], ensure_ascii=False)
    begun = f'{{"operation": {{"type": {kind}, "path": {path}'
    return begun if operation["type"] == DELETE else f'{begun}, "diff": "'


_OPENINGS: dict[type[BuiltInCall], Callable[[BuiltInCall], str]] = {
    ShellCall: lambda _call: '{"commands": [',
    ApplyPatchCall: _opened_operation,
}
