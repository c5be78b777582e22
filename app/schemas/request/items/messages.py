"""Messages, reasoning and references to stored items, as a caller sends them.

`{"role": "user", "content": "Hi"}` becomes `Message("", "user", (InputText("Hi"),), "completed")`.
"""

from __future__ import annotations

from typing import Any

from app.domain.items import (
    ContentPart,
    InputText,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
)
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Choice, String
from app.schemas.invalid import join
from app.schemas.request.bounds import (
    LONGEST_ID,
    LONGEST_SEALED,
    LONGEST_TEXT,
    ROLES,
    STATUSES,
)
from app.schemas.request.items.fields import ContentField, ItemId, ItemSchema, TextListField
from app.schemas.request.parts import ASSISTANT_PARTS, CALLER_PARTS, read_parts

_OUTPUT = '{"type": "function_call_output", "call_id": "…", "output": "…"}'
_CALL = '{"type": "function_call", "call_id": "…", "name": "…", "arguments": "…"}'
#: Roles of other APIs, and what to send in their place.
_FOREIGN_ROLES = {
    "tool": f"send what a tool gave as an item {_OUTPUT}.",
    "function": f"send what a function gave as an item {_OUTPUT}.",
    "model": 'the model\'s role is "assistant".',
    "ai": 'the model\'s role is "assistant".',
    "human": 'the caller\'s role is "user".',
}


class RoleField(Choice):
    """The role of a message's author."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        remedy = _FOREIGN_ROLES.get(value) if type(value) is str else None
        if remedy is not None:
            raise self.invalid("invalid_value", at, f'"{value}" is of another API: {remedy}')
        return super().check(value, at, context)


class ToolCallsField(StrictField):
    """`tool_calls` of a Chat Completions message: here each call is an item of its own."""

    def check(self, value: Any, at: str, context: ReadContext) -> None:
        if value != []:
            what = f"are of Chat Completions: send each call as an item {_CALL}."
            raise self.invalid("unsupported_parameter", at, what)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "maxItems": 0}


class InputMessageSchema(ItemSchema):
    about = "A message. Without `type`, an item with a `role` is a message."

    type = Choice("message")
    role = RoleField(*ROLES, required=True)
    content = ContentField(required=True)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    phase = Choice("commentary", "final_answer")
    tool_calls = ToolCallsField(
        about="Must be empty: tool calls are items of their own, see function_call."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Message:
        is_assistant = found["role"] == "assistant"
        content = found["content"]
        parts: tuple[ContentPart, ...]
        if isinstance(content, str):
            parts = (OutputText(content) if is_assistant else InputText(content),)
        else:
            parts = read_parts(
                content,
                ASSISTANT_PARTS if is_assistant else CALLER_PARTS,
                join(path, "content"),
                context,
            )
        return Message(
            found.get("id", ""),
            found["role"],
            parts,
            found.get("status", "completed"),
            found.get("phase"),
        )


class InputSummaryTextSchema(Document):
    about = "A part of a reasoning summary."

    type = Choice("summary_text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)


class InputReasoningTextSchema(Document):
    about = "A part of the reasoning text."

    type = Choice("reasoning_text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)


class InputReasoningSchema(ItemSchema):
    about = "The model's reasoning, sent back unchanged."
    values = (Reasoning,)

    type = Choice("reasoning", required=True)
    summary = TextListField(InputSummaryTextSchema(), required=True)
    content = TextListField(InputReasoningTextSchema(), about="The reasoning text, in parts.")
    encrypted_content = String(longest=LONGEST_SEALED, about="Opaque data; send it back unchanged.")
    id = ItemId()
    status = Choice(*STATUSES, about="Accepted, without effect: reasoning items have no status.")


class ItemReferenceSchema(ItemSchema):
    about = "Refers to a stored item. Without `type`, an item that has only an `id` is a reference."
    values = (ItemReference,)

    type = Choice("item_reference")
    id = String(required=True, shortest=1, longest=LONGEST_ID, about="The stored item's id.")
