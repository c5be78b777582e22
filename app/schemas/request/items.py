"""The items that a caller may send, typed or not, and what they become."""

# ruff: noqa: ARG002 - every field answers to one signature, whatever it needs of it
from __future__ import annotations

from typing import Any

from app.domain.items import (
    ContentPart,
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
from app.schemas.document import (
    Document,
    Fault,
    Notes,
    Refer,
    Strict,
    array_at,
    join,
    listed,
    object_at,
    shown,
    too_long,
    type_at,
)
from app.schemas.fields import Choice, Text
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
from app.schemas.request.fast_path import usual_item
from app.schemas.request.parts import ASKED, SAID, parts_shape, read_asked, read_parts

_LONGEST_SEALED = 20_971_520
_LONG_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_ID = "The item's id; one is made where it is absent, null or empty."


class Item(Document):
    """An item: an object whose `type`, or else whose keys, say what it is."""

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> InputItem:
        """Return the domain's value of what `read` found."""
        raise NotImplementedError


class Content(Strict):
    """A message's content. Which parts it may hold depends on the role: `build` reads them."""

    def check(self, value: Any, at: str, notes: Notes) -> str | list[Any]:
        return _text_or_array(self, value, at, MOST_PARTS)

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [_LONG_TEXT, parts_shape((*ASKED.values(), *SAID.values()), refer)]}


class Output(Strict):
    """What a function gave back: a string, or content parts of the caller's kinds."""

    def check(self, value: Any, at: str, notes: Notes) -> str | tuple[InputPart, ...]:
        given = _text_or_array(self, value, at, MOST_PARTS)
        return given if isinstance(given, str) else read_asked(given, self.path(at), notes)

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [_LONG_TEXT, parts_shape(ASKED.values(), refer)]}


class Thoughts(Strict):
    """An array of `{"type": …, "text": …}`, taken as its texts."""

    def __init__(self, part: Document, **options: Any) -> None:
        super().__init__(**options)
        self.part = part

    def check(self, value: Any, at: str, notes: Notes) -> tuple[str, ...]:
        path = self.path(at)
        return tuple(
            self.part.read(raw, f"{path}[{index}]", notes)["text"]
            for index, raw in enumerate(array_at(value, path, MOST_PARTS))
        )

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "maxItems": MOST_PARTS, "items": refer(self.part)}


class InputSummaryTextSchema(Document):
    type = Choice("summary_text", required=True)
    text = Text(required=True, longest=LONGEST_TEXT)


class InputReasoningTextSchema(Document):
    type = Choice("reasoning_text", required=True)
    text = Text(required=True, longest=LONGEST_TEXT)


class InputMessageSchema(Item):
    about = "What somebody said. Without `type`, an item with a `role` is a message."

    type = Choice("message")
    role = Choice(*ROLES, required=True)
    content = Content(required=True)
    id = Text(longest=LONGEST_ID, about=_ID)
    status = Choice(*STATUSES, default="completed")
    phase = Choice("commentary", "final_answer")

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> Message:
        said = found["role"] == "assistant"
        content = found["content"]
        parts: tuple[ContentPart, ...]
        if isinstance(content, str):
            parts = (OutputText(content) if said else InputText(content),)
        else:
            parts = read_parts(content, SAID if said else ASKED, join(path, "content"), notes)
        return Message(
            found.get("id", ""),
            found["role"],
            parts,
            found.get("status", "completed"),
            found.get("phase"),
        )


class InputFunctionCallSchema(Item):
    about = "A call that the model made."

    type = Choice("function_call", required=True)
    call_id = Text(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = Text(required=True, shortest=1, longest=LONGEST_FUNCTION)
    arguments = Text(required=True, longest=LONGEST_TEXT, about="The model's JSON, as text.")
    id = Text(longest=LONGEST_ID, about=_ID)
    status = Choice(*STATUSES, default="completed")

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> FunctionCall:
        return FunctionCall(
            found.get("id", ""),
            found["call_id"],
            found["name"],
            found["arguments"],
            found.get("status", "completed"),
        )


class InputFunctionCallOutputSchema(Item):
    about = "What the function gave back."

    type = Choice("function_call_output", required=True)
    call_id = Text(required=True, shortest=1, longest=LONGEST_CALL_ID)
    output = Output(required=True)
    id = Text(longest=LONGEST_ID, about=_ID)
    status = Choice(*STATUSES, default="completed")

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> FunctionCallOutput:
        return FunctionCallOutput(
            found.get("id", ""),
            found["call_id"],
            found["output"],
            found.get("status", "completed"),
        )


class InputReasoningSchema(Item):
    about = "What the model thought, sent back as it came."

    type = Choice("reasoning", required=True)
    summary = Thoughts(InputSummaryTextSchema(), required=True)
    content = Thoughts(InputReasoningTextSchema())
    encrypted_content = Text(longest=_LONGEST_SEALED, about="Opaque; send it back unchanged.")
    id = Text(longest=LONGEST_ID, about=_ID)
    status = Choice(*STATUSES, about="Taken, and of no effect: thoughts have none.")

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> Reasoning:
        return Reasoning(
            found.get("id", ""),
            found["summary"],
            found.get("content", ()),
            found.get("encrypted_content"),
        )


class ItemReferenceSchema(Item):
    about = "Stands for a stored item. Without `type`, an item with an `id` alone is one."

    type = Choice("item_reference")
    id = Text(required=True, shortest=1, longest=LONGEST_ID)

    def build(self, found: dict[str, Any], path: str, notes: Notes) -> ItemReference:
        return ItemReference(found["id"])


ITEMS: dict[str, Item] = {
    "message": InputMessageSchema(),
    "function_call": InputFunctionCallSchema(),
    "function_call_output": InputFunctionCallOutputSchema(),
    "reasoning": InputReasoningSchema(),
    "item_reference": ItemReferenceSchema(),
}


class Input(Strict):
    """The input: a string is one message of the user, an array holds items."""

    def check(self, value: Any, at: str, notes: Notes) -> tuple[InputItem, ...]:
        given = _text_or_array(self, value, at, MOST_ITEMS)
        if isinstance(given, str):
            return (Message("", "user", (InputText(given),)),)
        path = self.path(at)
        items: dict[int, InputItem] = {}
        for index, raw in enumerate(given):
            if index % SLICE == SLICE - 1:
                notes.pause()
            item = usual_item(raw) or read_item(raw, f"{path}[{index}]", notes)
            if item is not None:
                items[index] = item
        return tuple((_whole(items, path, notes) if notes.dropped_calls else items).values())

    def shape(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(item) for item in ITEMS.values()]}
        return {"anyOf": [_LONG_TEXT, {"type": "array", "maxItems": MOST_ITEMS, "items": items}]}


def read_item(raw: object, path: str, notes: Notes) -> InputItem | None:
    """Return what the item's schema makes of it, or None where it is dropped.

    Raises:
        Fault: its first fault.
    """
    given = object_at(raw, path)
    said = _implied(given) or type_at(given, path)
    item = ITEMS.get(said)
    if item is not None:
        return item.build(item.read(given, path, notes), path, notes)
    if not notes.drops_unsupported:
        what = f"must be {listed(tuple(ITEMS))}: {shown(said)} items are not taken here."
        raise Fault("unsupported_value", join(path, "type"), what)
    notes.ignore(path)
    call_id = given.get("call_id")
    if type(call_id) is str:
        notes.dropped_calls.add(call_id)
    return None


def _implied(given: dict[str, Any]) -> str | None:
    if given.get("type") is not None:
        return None
    if "role" in given:
        return "message"
    return "item_reference" if given.keys() <= {"id", "type"} and given else None


def _whole(items: dict[int, InputItem], path: str, notes: Notes) -> dict[int, InputItem]:
    """Return the items, by index, without the other halves of dropped calls or outputs."""
    whole, calls = {}, notes.dropped_calls
    for index, item in items.items():
        if isinstance(item, FunctionCall | FunctionCallOutput) and item.call_id in calls:
            notes.ignore(f"{path}[{index}]")
        else:
            whole[index] = item
    return whole


def _text_or_array(field: Strict, value: object, at: str, most: int) -> str | list[Any]:
    if type(value) is str:
        if len(value) > LONGEST_TEXT:
            raise too_long(field.path(at), value, LONGEST_TEXT)
        return value
    return array_at(value, field.path(at), most, "a string or an array")
