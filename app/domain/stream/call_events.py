"""The events of the calls of built-in tools (G4), of tools that servers run (P2), and of the text
of reasoning (A3). Those of a shell's commands name no item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


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


@dataclass(frozen=True, slots=True)
class HostedEvent:
    """What happens in an item of a tool that a server runs, or in its answer, in its own words.

    `fields` are all keys of the event but those that are here; `item_id` and `output_index` are
    None for an event of the answer as a whole.
    """

    sequence_number: int
    type: str
    item_id: str | None
    output_index: int | None
    fields: dict[str, Any]


BuiltInCallEvent = CommandAdded | CommandDelta | CommandDone | DiffDelta | DiffDone


@dataclass(frozen=True, slots=True)
class ReasoningPartAdded:
    """Its part is an empty reasoning_text (A3)."""

    type: ClassVar[str] = "response.content_part.added"
    text: ClassVar[str] = ""
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int


@dataclass(frozen=True, slots=True)
class ReasoningPartDone:
    """Its part is a reasoning_text of `text`."""

    type: ClassVar[str] = "response.content_part.done"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningTextDelta:
    type: ClassVar[str] = "response.reasoning_text.delta"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class ReasoningTextDone:
    type: ClassVar[str] = "response.reasoning_text.done"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    text: str


ReasoningTextEvent = ReasoningPartAdded | ReasoningPartDone | ReasoningTextDelta | ReasoningTextDone
