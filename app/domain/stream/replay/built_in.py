"""Encodes the calls of built-in tools in a stream's cuts, and remakes their events.

Their events show a model's JSON as it is parsed, which may differ from the complete item (with a
repeated key, say). So their codes are chosen once the item is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from app.domain.arguments.wanted import as_json
from app.domain.built_in.apply_patch import ApplyPatchCall
from app.domain.built_in.shell import ShellCall
from app.domain.items import BuiltInCall
from app.domain.stream.call_events import (
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
)
from app.domain.stream.events import Event, ItemAdded
from app.domain.stream.replay.codes import Code

#: The code of each event inside a call, deltas included.
_CODES: dict[type, Code] = {
    ItemAdded: Code.ITEM_ADDED,
    CommandAdded: Code.COMMAND_ADDED,
    CommandDelta: Code.COMMAND,
    CommandDone: Code.COMMAND_DONE,
    DiffDelta: Code.DIFF,
    DiffDone: Code.DIFF_DONE,
}

CodeAndSize = tuple[Code, int]


class BuiltInReplay:
    """Remakes the events of one call, except the last."""

    def __init__(self, call: BuiltInCall, index: int) -> None:
        self._call, self._index = call, index
        self._commands = call.commands if isinstance(call, ShellCall) else []
        self._command = -1
        self._diff = operation_of(call).get("diff", "") if isinstance(call, ApplyPatchCall) else ""
        self._at = 0

    def event(self, number: int, code: int, size: int) -> Event:
        """Return the next event. Raises IndexError if there is none."""
        call, index = self._call, self._index
        if code == Code.ITEM_ADDED:
            return ItemAdded(number, index, opening(call))
        if code in (Code.DIFF, Code.DIFF_DONE):
            if code == Code.DIFF_DONE:
                return DiffDone(number, call.id, index, self._diff)
            return DiffDelta(number, call.id, index, self._piece(self._diff, size))
        if code == Code.COMMAND_ADDED:
            self._command, self._at = self._command + 1, 0
            return CommandAdded(number, index, self._command)
        command = self._commands[self._command]
        if code == Code.COMMAND_DONE:
            return CommandDone(number, index, self._command, command)
        return CommandDelta(number, index, self._command, self._piece(command, size))

    def _piece(self, text: str, size: int) -> str:
        self._at += size
        return text[self._at - size : self._at]


def opening(call: BuiltInCall) -> BuiltInCall:
    """Return a call as it was when it was added."""
    arguments = type(call).readable("", is_cut=True)
    if isinstance(call, ApplyPatchCall):
        operation = operation_of(call)
        begun = operation | {"diff": ""} if "diff" in operation else operation
        arguments = as_json({"operation": begun})
    return replace(call, arguments=arguments, status="in_progress")


def operation_of(call: ApplyPatchCall) -> dict[str, str]:
    """Return the operation of an apply_patch call, with its file."""
    operation: dict[str, str] = json.loads(call.arguments)["operation"]
    return operation


def codes_of(call: BuiltInCall, index: int, events: Iterable[Event]) -> list[CodeAndSize] | None:
    """Return the codes of a call's events; None if they cannot be remade from the call."""
    made = BuiltInReplay(call, index)
    codes = list[CodeAndSize]()
    for event in events:
        code = _CODES.get(type(event))
        if code is None:
            return None
        size = len(getattr(event, "delta", ""))
        try:
            if made.event(event.sequence_number, code, size) != event:
                return None
        except IndexError:
            return None
        codes.append((code, size))
    return codes
