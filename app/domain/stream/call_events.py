"""Events of built-in tools' calls (G4), of hosted tools (P2), and of reasoning text (A3).

Events of shell commands have no item id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class CommandAdded:
    """A shell call gets another command, which is still empty."""

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
    """An event of a hosted tool's item, or of the whole answer, in the server's own words.

    `fields` are all other keys of the event; `item_id` and `output_index` are None for an event of
    the whole answer.
    """

    sequence_number: int
    type: str
    item_id: str | None
    output_index: int | None
    fields: dict[str, Any]


BuiltInCallEvent = CommandAdded | CommandDelta | CommandDone | DiffDelta | DiffDone


@dataclass(frozen=True, slots=True)
class ReasoningPartAdded:
    """A reasoning_text part begins, still empty (A3)."""

    type: ClassVar[str] = "response.content_part.added"
    text: ClassVar[str] = ""
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int


@dataclass(frozen=True, slots=True)
class ReasoningPartDone:
    """A reasoning_text part ends, with this text."""

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
