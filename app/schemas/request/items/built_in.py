"""Calls of built-in tools that the model made, and their outputs (G4)."""

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
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Choice, Integer, String, StringList, TextMap
from app.schemas.invalid import array_at, join, required, too_long
from app.schemas.json_text import JsonArray, JsonObject
from app.schemas.nesting import Nested, OneOf
from app.schemas.request.bounds import (
    LONGEST_CALL_ID,
    LONGEST_DESCRIPTION,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_PARTS,
    STATUSES,
)
from app.schemas.request.items.fields import ItemId, ItemSchema

_MOST = 2**53
_CALL_ID: dict[str, Any] = {"required": True, "shortest": 1, "longest": LONGEST_CALL_ID}


class InputShellActionSchema(Document):
    about = "Commands, each to run in a shell of its own, with the limits that the model requested."

    commands = StringList(MOST_PARTS, LONGEST_TEXT, required=True)
    timeout_ms = Integer(0, _MOST)
    max_output_length = Integer(0, _MOST)


class InputShellPlaceSchema(Document):
    about = "The caller's own computer."

    type = Choice("local", required=True)


class InputContainerReferenceSchema(Document):
    about = "A container at the upstream."

    type = Choice("container_reference", required=True)
    container_id = String(required=True, longest=LONGEST_ID)


class InputShellCallSchema(ItemSchema):
    about = "Shell commands that the model requested."
    values = (ShellCall,)

    type = Choice("shell_call", required=True)
    call_id = String(**_CALL_ID)
    action = JsonObject(
        InputShellActionSchema(),
        shell_action,
        shell_arguments,
        attribute="arguments",
        required=True,
    )
    environment = Nested(OneOf(InputShellPlaceSchema(), InputContainerReferenceSchema()))
    id = ItemId()
    status = Choice(*STATUSES, default="completed")


class InputExitSchema(Document):
    about = "The command exited."

    type = Choice("exit", required=True)
    exit_code = Integer(-_MOST, _MOST, required=True)


class InputTimeoutSchema(Document):
    about = "The command timed out."

    type = Choice("timeout", required=True)


class InputShellOutputSchema(Document):
    about = "The output of one command."

    stdout = String(required=True, longest=LONGEST_TEXT)
    stderr = String(required=True, longest=LONGEST_TEXT)
    outcome = Nested(OneOf(InputExitSchema(), InputTimeoutSchema()), required=True)


class ShellOutputsField(JsonArray):
    """The outputs of the commands, in an array of bounded length."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        array_at(value, self.path(at), MOST_PARTS)
        return super().check(value, at, context)


class InputShellCallOutputSchema(ItemSchema):
    about = "The outputs of the commands."
    values = (ShellCallOutput,)

    type = Choice("shell_call_output", required=True)
    call_id = String(**_CALL_ID)
    output = ShellOutputsField(
        InputShellOutputSchema(), shell_outputs, shell_output_text, required=True
    )
    max_output_length = Integer(0, _MOST)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")


class InputLocalShellActionSchema(Document):
    about = "A command: the program and its arguments."

    type = Choice("exec", required=True)
    command = StringList(
        MOST_PARTS, LONGEST_TEXT, required=True, about="The program and its arguments."
    )
    env = TextMap(MOST_PARTS, LONGEST_DESCRIPTION, LONGEST_DESCRIPTION)
    timeout_ms = Integer(0, _MOST)
    user = String(longest=LONGEST_DESCRIPTION, about="The user to run the command as.")
    working_directory = String(longest=LONGEST_DESCRIPTION)


class InputLocalShellCallSchema(ItemSchema):
    about = "A local shell command that the model requested."
    values = (LocalShellCall,)

    type = Choice("local_shell_call", required=True)
    call_id = String(**_CALL_ID)
    action = JsonObject(
        InputLocalShellActionSchema(),
        local_shell_action,
        local_shell_arguments,
        attribute="arguments",
        required=True,
    )
    id = ItemId()
    status = Choice(*STATUSES, default="completed")


class InputLocalShellCallOutputSchema(ItemSchema):
    about = "The output of the command. Without `call_id`, its `id` is that of the call."

    type = Choice("local_shell_call_output", required=True)
    call_id = String(shortest=1, longest=LONGEST_CALL_ID)
    output = String(required=True, longest=LONGEST_TEXT)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> LocalShellCallOutput:
        item_id, call_id = found.get("id", ""), found.get("call_id")
        if call_id is None:
            if not item_id:
                raise required(join(path, "call_id"))
            if len(item_id) > LONGEST_CALL_ID:
                raise too_long(join(path, "id"), item_id, LONGEST_CALL_ID)
            item_id, call_id = "", item_id
        status = found.get("status", "completed")
        return LocalShellCallOutput(item_id, call_id, found["output"], status)


class InputPatchWithDiffSchema(Document):
    about = "A file to create or update."

    type = Choice("create_file", "update_file", required=True)
    path = String(required=True, longest=LONGEST_DESCRIPTION)
    diff = String(required=True, longest=LONGEST_TEXT)


class InputDeletionSchema(Document):
    about = "A file to delete."

    type = Choice("delete_file", required=True)
    path = String(required=True, longest=LONGEST_DESCRIPTION)


class InputApplyPatchCallSchema(ItemSchema):
    about = "A file change that the model requested."
    values = (ApplyPatchCall,)

    type = Choice("apply_patch_call", required=True)
    call_id = String(**_CALL_ID)
    operation = JsonObject(
        OneOf(InputPatchWithDiffSchema(), InputDeletionSchema()),
        patch_operation,
        patch_arguments,
        attribute="arguments",
        required=True,
    )
    id = ItemId()
    status = Choice("in_progress", "completed", default="completed")


class InputApplyPatchCallOutputSchema(ItemSchema):
    about = "The result of a file change."
    values = (ApplyPatchCallOutput,)

    type = Choice("apply_patch_call_output", required=True)
    call_id = String(**_CALL_ID)
    output = String(longest=LONGEST_TEXT, load_default="")
    id = ItemId()
    status = Choice(
        "completed", "failed", default="completed", about="Whether the change succeeded."
    )


#: The items, by `type`.
BUILT_IN_ITEMS: dict[str, Document] = {
    "shell_call": InputShellCallSchema(),
    "shell_call_output": InputShellCallOutputSchema(),
    "local_shell_call": InputLocalShellCallSchema(),
    "local_shell_call_output": InputLocalShellCallOutputSchema(),
    "apply_patch_call": InputApplyPatchCallSchema(),
    "apply_patch_call_output": InputApplyPatchCallOutputSchema(),
}
