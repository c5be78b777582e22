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
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema, WireSchema

_STATUSES = ("in_progress", "completed", "incomplete")
_CALL_ID: dict[str, Any] = {"shortest": 1, "longest": 64} | ALWAYS


class ShellActionSchema(WireSchema):
    about = "Commands, each to run in a shell of its own, with the limits that the model requests."

    commands = StringList(**ALWAYS)
    timeout_ms = Integer(0, **OR_NULL)
    max_output_length = Integer(0, **OR_NULL)


class LocalPlaceSchema(WireSchema):
    about = "The caller's own computer."

    type = Choice("local", **ALWAYS)


class ContainerReferenceSchema(WireSchema):
    about = "A container at the upstream, named by an earlier call in the conversation."

    type = Choice("container_reference", **ALWAYS)
    container_id = String(**ALWAYS)


class ShellCallSchema(ValueSchema[ShellCall]):
    about = "Shell commands for the caller to run."
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
    about = "The command exited."

    type = Choice("exit", **ALWAYS)
    exit_code = Integer(-(2**63), **ALWAYS)


class TimeoutSchema(WireSchema):
    about = "The command timed out."

    type = Choice("timeout", **ALWAYS)


class ShellOutputSchema(WireSchema):
    about = "The output of one command."

    stdout = String(**ALWAYS)
    stderr = String(**ALWAYS)
    outcome = Nested(OneOf(ExitSchema(), TimeoutSchema()), **ALWAYS)


class ShellCallOutputSchema(ValueSchema[ShellCallOutput]):
    about = "The outputs of the commands."
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
    timeout_ms = Integer(0, **AT_TIMES)
    user = String(about="The user to run the command as.", **AT_TIMES)
    working_directory = String(**AT_TIMES)


class LocalShellCallSchema(ValueSchema[LocalShellCall]):
    about = "A local shell command for the caller to run."
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
    about = "The output of the command."
    values = (LocalShellCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("local_shell_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(**_CALL_ID)
    output = String(**ALWAYS)


class PatchWithDiffSchema(WireSchema):
    about = "A file to create or update."

    type = Choice("create_file", "update_file", **ALWAYS)
    path = String(**ALWAYS)
    diff = String(**ALWAYS)


class DeletionSchema(WireSchema):
    about = "A file to delete."

    type = Choice("delete_file", **ALWAYS)
    path = String(**ALWAYS)


class ApplyPatchCallSchema(ValueSchema[ApplyPatchCall]):
    about = (
        "A file change for the caller to apply. One that was cut short has the status in_progress."
    )
    values = (ApplyPatchCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("apply_patch_call", **ALWAYS)
    status = Choice(
        "in_progress",
        "completed",
        attribute="status",
        about="The item's status; `in_progress` if it was cut short.",
        **ALWAYS,
    )
    call_id = String(**_CALL_ID)
    operation = JsonObject(
        OneOf(PatchWithDiffSchema(), DeletionSchema()),
        patch_operation,
        patch_arguments,
        attribute="arguments",
        **ALWAYS,
    )


class ApplyPatchCallOutputSchema(ValueSchema[ApplyPatchCallOutput]):
    about = "The result of a file change."
    values = (ApplyPatchCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("apply_patch_call_output", **ALWAYS)
    status = Choice("completed", "failed", about="Whether the change succeeded.", **ALWAYS)
    call_id = String(**_CALL_ID)
    output = String(about="The output text, often empty.", **ALWAYS)


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
