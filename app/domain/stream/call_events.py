"""The events of the calls of built-in tools (G4). Those of a shell's commands name no item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CommandAdded:
    """A shell call has another command; it is still empty."""

    type: ClassVar[str] = "response.shell_call_command.added"
    sequence_number: int
    output_index: int
    command_index: int
    command: str = ""


@dataclass(frozen=True, slots=True)
class CommandDelta:
    type: ClassVar[str] = "response.shell_call_command.delta"
    sequence_number: int
    output_index: int
    command_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class CommandDone:
    type: ClassVar[str] = "response.shell_call_command.done"
    sequence_number: int
    output_index: int
    command_index: int
    command: str


@dataclass(frozen=True, slots=True)
class DiffDelta:
    """A piece of the diff of an apply_patch call."""

    type: ClassVar[str] = "response.apply_patch_call_operation_diff.delta"
    sequence_number: int
    item_id: str
    output_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class DiffDone:
    type: ClassVar[str] = "response.apply_patch_call_operation_diff.done"
    sequence_number: int
    item_id: str
    output_index: int
    diff: str


BuiltInCallEvent = CommandAdded | CommandDelta | CommandDone | DiffDelta | DiffDone
