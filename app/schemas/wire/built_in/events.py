"""What happens inside the calls of built-in tools. Events of a shell's commands name no item."""

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


class InCommand(ValueSchema[Any]):
    """What happens to a command of a shell. Each kind declares its `type`, which comes first."""

    type = Choice(**ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    output_index = Integer(0, **ALWAYS)
    command_index = Integer(0, **ALWAYS)


class CommandAddedEventSchema(InCommand):
    values = (CommandAdded,)

    type = Choice("response.shell_call_command.added", **ALWAYS)
    command = String(**ALWAYS)


class CommandDeltaEventSchema(InCommand):
    values = (CommandDelta,)

    type = Choice("response.shell_call_command.delta", **ALWAYS)
    delta = String(**ALWAYS)


class CommandDoneEventSchema(InCommand):
    values = (CommandDone,)

    type = Choice("response.shell_call_command.done", **ALWAYS)
    command = String(**ALWAYS)


class InDiff(ValueSchema[Any]):
    """What happens to the diff of an apply_patch call."""

    type = Choice(**ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    item_id = String(shortest=1, **ALWAYS)
    output_index = Integer(0, **ALWAYS)


class DiffDeltaEventSchema(InDiff):
    values = (DiffDelta,)

    type = Choice("response.apply_patch_call_operation_diff.delta", **ALWAYS)
    delta = String(**ALWAYS)


class DiffDoneEventSchema(InDiff):
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
