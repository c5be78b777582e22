"""The calls of built-in tools, and their outputs."""

from __future__ import annotations

from typing import Any

from app.domain.built_in.apply_patch import ApplyPatchCall, ApplyPatchCallOutput
from app.domain.built_in.local_shell import LocalShellCall, LocalShellCallOutput
from app.domain.built_in.shell import ShellCall, ShellCallOutput
from app.schemas.built_in_json import (
    local_shell_action,
    local_shell_arguments,
    patch_arguments,
    patch_operation,
    shell_action,
    shell_arguments,
    shell_output_text,
    shell_outputs,
)
from app.schemas.fields import Choice, Integer, String, StringList, TextMap
from app.schemas.json_text import JsonArray, JsonObject
from app.schemas.nesting import Nested, OneOf
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema, WireSchema

_STATUSES = ("in_progress", "completed", "incomplete")
_CALL_ID: dict[str, Any] = {"shortest": 1, "longest": 64} | ALWAYS


class ShellActionSchema(WireSchema):
    about = "Commands, each for a shell of its own, and the limits that the model wishes for."

    commands = StringList(**ALWAYS)
    timeout_ms = Integer(0, **OR_NULL)
    max_output_length = Integer(0, **OR_NULL)


class LocalPlaceSchema(WireSchema):
    about = "The caller's own computer."

    type = Choice("local", **ALWAYS)


class ContainerReferenceSchema(WireSchema):
    about = "A container elsewhere, of a call that the conversation has brought along."

    type = Choice("container_reference", **ALWAYS)
    container_id = String(**ALWAYS)


class ShellCallSchema(ValueSchema[ShellCall]):
    about = "Commands that the caller is to run in a shell."
    values = (ShellCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("shell_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(**_CALL_ID)
    action = JsonObject(
        ShellActionSchema(), shell_action, shell_arguments, attribute="arguments", **ALWAYS
    )
    environment = Nested(OneOf(LocalPlaceSchema(), ContainerReferenceSchema()), **OR_NULL)


class ExitSchema(WireSchema):
    about = "It ended by itself."

    type = Choice("exit", **ALWAYS)
    exit_code = Integer(-(2**63), **ALWAYS)


class TimeoutSchema(WireSchema):
    about = "It ran for too long."

    type = Choice("timeout", **ALWAYS)


class ShellOutputSchema(WireSchema):
    about = "What a command gave."

    stdout = String(**ALWAYS)
    stderr = String(**ALWAYS)
    outcome = Nested(OneOf(ExitSchema(), TimeoutSchema()), **ALWAYS)


class ShellCallOutputSchema(ValueSchema[ShellCallOutput]):
    about = "What the commands gave."
    values = (ShellCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("shell_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(**_CALL_ID)
    output = JsonArray(ShellOutputSchema(), shell_outputs, shell_output_text, **ALWAYS)
    max_output_length = Integer(0, **OR_NULL)


class LocalShellActionSchema(WireSchema):
    about = "A command: the program and its arguments."

    type = Choice("exec", **ALWAYS)
    command = StringList(about="The program and its arguments.", **ALWAYS)
    env = TextMap(100_000, 100_000_000, 100_000_000, **ALWAYS)
    timeout_ms = Integer(0, **OR_NULL)
    user = String(about="Who it is run as.", **OR_NULL)
    working_directory = String(**OR_NULL)


class LocalShellCallSchema(ValueSchema[LocalShellCall]):
    about = "A command that the caller is to run."
    values = (LocalShellCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("local_shell_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(**_CALL_ID)
    action = JsonObject(
        LocalShellActionSchema(),
        local_shell_action,
        local_shell_arguments,
        attribute="arguments",
        **ALWAYS,
    )


class LocalShellCallOutputSchema(ValueSchema[LocalShellCallOutput]):
    about = "What the command gave."
    values = (LocalShellCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("local_shell_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(**_CALL_ID)
    output = String(**ALWAYS)


class PatchWithDiffSchema(WireSchema):
    about = "A file to create or to change."

    type = Choice("create_file", "update_file", **ALWAYS)
    path = String(**ALWAYS)
    diff = String(**ALWAYS)


class DeletionSchema(WireSchema):
    about = "A file to delete."

    type = Choice("delete_file", **ALWAYS)
    path = String(**ALWAYS)


class ApplyPatchCallSchema(ValueSchema[ApplyPatchCall]):
    about = "A change of a file that the caller is to make. One that was cut short is in progress."
    values = (ApplyPatchCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("apply_patch_call", **ALWAYS)
    status = Choice("in_progress", "completed", attribute="status", **ALWAYS)
    call_id = String(**_CALL_ID)
    operation = JsonObject(
        OneOf(PatchWithDiffSchema(), DeletionSchema()),
        patch_operation,
        patch_arguments,
        attribute="arguments",
        **ALWAYS,
    )


class ApplyPatchCallOutputSchema(ValueSchema[ApplyPatchCallOutput]):
    about = "What became of a change of a file."
    values = (ApplyPatchCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("apply_patch_call_output", **ALWAYS)
    status = Choice("completed", "failed", about="Whether the change was made.", **ALWAYS)
    call_id = String(**_CALL_ID)
    output = String(about="A text, often empty.", **ALWAYS)


BUILT_IN_CALLS: tuple[ValueSchema[Any], ...] = (
    ShellCallSchema(),
    LocalShellCallSchema(),
    ApplyPatchCallSchema(),
)
BUILT_IN_OUTPUTS: tuple[ValueSchema[Any], ...] = (
    ShellCallOutputSchema(),
    LocalShellCallOutputSchema(),
    ApplyPatchCallOutputSchema(),
)
