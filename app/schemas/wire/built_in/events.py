"""Base classes of events inside items, and the events of built-in tools' calls.

Events of a shell's commands carry no item id.
"""

from __future__ import annotations

from typing import Any

from app.domain.stream.call_events import (
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
)
from app.schemas.fields import Choice, Integer, String
from app.schemas.wire.document import ALWAYS, ValueSchema


class InItem(ValueSchema[Any]):
    """An event inside an item. Each subclass declares its `type`, which comes first."""

    type = Choice(**ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    item_id = String(shortest=1, **ALWAYS)
    output_index = Integer(0, **ALWAYS)


class InContent(InItem):
    """An event inside a content part."""

    content_index = Integer(0, **ALWAYS)


class InSummary(InItem):
    """An event inside a part of a reasoning summary."""

    summary_index = Integer(0, **ALWAYS)


class InCommand(ValueSchema[Any]):
    """An event of a shell's command. Each subclass declares its `type`, which comes first."""

    type = Choice(**ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    output_index = Integer(0, **ALWAYS)
    command_index = Integer(0, **ALWAYS)


class CommandAddedEventSchema(InCommand):
    about = "A command was added to a shell call."
    values = (CommandAdded,)

    type = Choice("response.shell_call_command.added", **ALWAYS)
    command = String(**ALWAYS)


class CommandDeltaEventSchema(InCommand):
    about = "Text was added to a command."
    values = (CommandDelta,)

    type = Choice("response.shell_call_command.delta", **ALWAYS)
    delta = String(**ALWAYS)


class CommandDoneEventSchema(InCommand):
    about = "The command is complete."
    values = (CommandDone,)

    type = Choice("response.shell_call_command.done", **ALWAYS)
    command = String(**ALWAYS)


class DiffDeltaEventSchema(InItem):
    about = "Text was added to a diff."
    values = (DiffDelta,)

    type = Choice("response.apply_patch_call_operation_diff.delta", **ALWAYS)
    delta = String(**ALWAYS)


class DiffDoneEventSchema(InItem):
    about = "The diff is complete."
    values = (DiffDone,)

    type = Choice("response.apply_patch_call_operation_diff.done", **ALWAYS)
    diff = String(**ALWAYS)


BUILT_IN_EVENTS: tuple[ValueSchema[Any], ...] = (
    CommandAddedEventSchema(),
    CommandDeltaEventSchema(),
    CommandDoneEventSchema(),
    DiffDeltaEventSchema(),
    DiffDoneEventSchema(),
)
