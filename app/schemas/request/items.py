"""The items that a caller may send, typed or not, and what they become.

`{"role": "user", "content": "Hi"}` becomes `Message("", "user", (InputText("Hi"),), "completed")`.
"""

from __future__ import annotations

from typing import Any

from app.domain.items import (
    ContentPart,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    InputItem,
    InputPart,
    InputText,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
)
from app.schemas.custom_input import CustomInput
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Choice, String
from app.schemas.invalid import (
    InvalidField,
    array_at,
    join,
    listed,
    object_at,
    quoted,
    too_long,
    type_at,
)
from app.schemas.request.added_tools import InputAdditionalToolsSchema
from app.schemas.request.bounds import (
    LONGEST_CALL_ID,
    LONGEST_FUNCTION,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_ITEMS,
    MOST_PARTS,
    ROLES,
    SLICE,
    STATUSES,
)
from app.schemas.request.fast_path import plain_item
from app.schemas.request.parts import (
    ASSISTANT_PARTS,
    CALLER_PARTS,
    parts_json_schema,
    read_caller_parts,
    read_parts,
)

_LONGEST_SEALED = 20_971_520
_LONG_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_ID = "The item's id; one is made where it is absent, null or empty."


class ItemSchema(Document):
    """An item: an object whose `type`, or else whose keys, name its kind."""


class ContentField(StrictField):
    """A message's content. Which parts it may hold depends on the role: `build` reads them."""

    def check(self, value: Any, at: str, context: ReadContext) -> str | list[Any]:
        return _text_or_array(self, value, at, MOST_PARTS)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {
            "anyOf": [
                _LONG_TEXT,
                parts_json_schema((*CALLER_PARTS.values(), *ASSISTANT_PARTS.values()), refer),
            ]
        }


class FunctionOutputField(StrictField):
    """What a function gave back: a string, or content parts of the caller's kinds."""

    def check(self, value: Any, at: str, context: ReadContext) -> str | tuple[InputPart, ...]:
        given = _text_or_array(self, value, at, MOST_PARTS)
        return given if isinstance(given, str) else read_caller_parts(given, self.path(at), context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [_LONG_TEXT, parts_json_schema(CALLER_PARTS.values(), refer)]}


class TextListField(StrictField):
    """An array of `{"type": …, "text": …}`, taken as its texts."""

    def __init__(self, part: Document, **options: Any) -> None:
        super().__init__(**options)
        self.part = part

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[str, ...]:
        path = self.path(at)
        return tuple(
            self.part.read(raw, f"{path}[{index}]", context)["text"]
            for index, raw in enumerate(array_at(value, path, MOST_PARTS))
        )

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "maxItems": MOST_PARTS, "items": refer(self.part)}


class InputSummaryTextSchema(Document):
    type = Choice("summary_text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)


class InputReasoningTextSchema(Document):
    type = Choice("reasoning_text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)


class InputMessageSchema(ItemSchema):
    about = "A message. Without `type`, an item with a `role` is a message."

    type = Choice("message")
    role = Choice(*ROLES, required=True)
    content = ContentField(required=True)
    id = String(longest=LONGEST_ID, load_default="", about=_ID)
    status = Choice(*STATUSES, default="completed")
    phase = Choice("commentary", "final_answer")

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


class InputFunctionCallSchema(ItemSchema):
    about = "A call that the model made."
    values = (FunctionCall,)

    type = Choice("function_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    arguments = String(required=True, longest=LONGEST_TEXT, about="The model's JSON, as text.")
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="That of the function.")
    id = String(longest=LONGEST_ID, load_default="", about=_ID)
    status = Choice(*STATUSES, default="completed")


class InputFunctionCallOutputSchema(ItemSchema):
    about = "What the function gave back."
    values = (FunctionCallOutput,)

    type = Choice("function_call_output", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    output = FunctionOutputField(required=True)
    id = String(longest=LONGEST_ID, load_default="", about=_ID)
    status = Choice(*STATUSES, default="completed")


class InputCustomCallSchema(ItemSchema):
    about = "A call of a custom tool that the model made."
    values = (CustomCall,)

    type = Choice("custom_tool_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    input = CustomInput(required=True, longest=LONGEST_TEXT, about="The model's text.")
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="That of the tool.")
    id = String(longest=LONGEST_ID, load_default="", about=_ID)
    status = Choice(*STATUSES, default="completed")


class InputCustomCallOutputSchema(InputFunctionCallOutputSchema):
    about = "What the custom tool gave back."
    values = (CustomCallOutput,)

    type = Choice("custom_tool_call_output", required=True)


class InputReasoningSchema(ItemSchema):
    about = "What the model thought, sent back as it came."
    values = (Reasoning,)

    type = Choice("reasoning", required=True)
    summary = TextListField(InputSummaryTextSchema(), required=True)
    content = TextListField(InputReasoningTextSchema())
    encrypted_content = String(longest=_LONGEST_SEALED, about="Opaque; send it back unchanged.")
    id = String(longest=LONGEST_ID, load_default="", about=_ID)
    status = Choice(*STATUSES, about="Taken, and of no effect: thoughts have none.")


class ItemReferenceSchema(ItemSchema):
    about = "Stands for a stored item. Without `type`, an item with an `id` alone is one."
    values = (ItemReference,)

    type = Choice("item_reference")
    id = String(required=True, shortest=1, longest=LONGEST_ID)


ITEMS: dict[str, Document] = {
    "message": InputMessageSchema(),
    "function_call": InputFunctionCallSchema(),
    "function_call_output": InputFunctionCallOutputSchema(),
    "custom_tool_call": InputCustomCallSchema(),
    "custom_tool_call_output": InputCustomCallOutputSchema(),
    "reasoning": InputReasoningSchema(),
    "additional_tools": InputAdditionalToolsSchema(),
    "item_reference": ItemReferenceSchema(),
}


class InputField(StrictField):
    """The input: a string is one message of the user, an array holds items."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[InputItem, ...]:
        given = _text_or_array(self, value, at, MOST_ITEMS)
        if isinstance(given, str):
            return (Message("", "user", (InputText(given),)),)
        path = self.path(at)
        items: dict[int, InputItem] = {}
        for index, raw in enumerate(given):
            if index % SLICE == SLICE - 1:
                context.pause()
            item = plain_item(raw) or read_item(raw, f"{path}[{index}]", context)
            if item is not None:
                items[index] = item
        return tuple((_whole(items, path, context) if context.dropped_calls else items).values())

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(item) for item in ITEMS.values()]}
        return {"anyOf": [_LONG_TEXT, {"type": "array", "maxItems": MOST_ITEMS, "items": items}]}


def read_item(raw: object, path: str, context: ReadContext) -> InputItem | None:
    """Return what the item's schema makes of it, or None where it is dropped.

    Raises:
        InvalidField: its first fault.
    """
    given = object_at(raw, path)
    kind = _implied(given) or type_at(given, path)
    item = ITEMS.get(kind)
    if item is not None:
        made: InputItem = item.read(given, path, context)
        return made
    if not context.drops_unsupported:
        what = f"must be {listed(tuple(ITEMS))}: {quoted(kind)} items are not taken here."
        raise InvalidField("unsupported_value", join(path, "type"), what)
    context.ignore(path)
    call_id = given.get("call_id")
    if type(call_id) is str:
        context.dropped_calls.add(call_id)
    return None


def _implied(given: dict[str, Any]) -> str | None:
    if given.get("type") is not None:
        return None
    if "role" in given:
        return "message"
    return "item_reference" if given.keys() <= {"id", "type"} and given else None


def _whole(items: dict[int, InputItem], path: str, context: ReadContext) -> dict[int, InputItem]:
    """Return the items, by index, without the other halves of dropped calls or outputs."""
    whole, calls = {}, context.dropped_calls
    for index, item in items.items():
        if isinstance(item, FunctionCall | FunctionCallOutput) and item.call_id in calls:
            context.ignore(f"{path}[{index}]")
        else:
            whole[index] = item
    return whole


def _text_or_array(field: StrictField, value: object, at: str, most: int) -> str | list[Any]:
    if type(value) is str:
        if len(value) > LONGEST_TEXT:
            raise too_long(field.path(at), value, LONGEST_TEXT)
        return value
    return array_at(value, field.path(at), most, "a string or an array")
