"""The input of a request: a string, or items of every kind that a caller may send."""

from __future__ import annotations

from typing import Any

from app.domain.items import InputItem, InputText, Message
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.invalid import InvalidField, join, listed, object_at, quoted, type_at
from app.schemas.request.bounds import MOST_ITEMS, SLICE
from app.schemas.request.fast_path import plain_item
from app.schemas.request.items.added_tools import (
    InputAdditionalToolsSchema,
    InputToolSearchCallSchema,
    InputToolSearchOutputSchema,
)
from app.schemas.request.items.built_in import BUILT_IN_ITEMS
from app.schemas.request.items.calls import (
    InputCustomCallOutputSchema,
    InputCustomCallSchema,
    InputFunctionCallOutputSchema,
    InputFunctionCallSchema,
)
from app.schemas.request.items.compactions import (
    CompactionTriggerSchema,
    InputCompactionSchema,
    refuse_trigger_inside,
)
from app.schemas.request.items.configuration import InputConfigurationUpdateSchema
from app.schemas.request.items.fields import LONG_TEXT, text_or_array
from app.schemas.request.items.hosted import (
    InputComputerItemSchema,
    InputHostedItemSchema,
    InputUnknownItemSchema,
)
from app.schemas.request.items.known import KnownItemsJson
from app.schemas.request.items.messages import (
    InputMessageSchema,
    InputReasoningSchema,
    ItemReferenceSchema,
)

_HOSTED, _COMPUTER = InputHostedItemSchema(), InputComputerItemSchema()
_UNKNOWN = InputUnknownItemSchema()
ITEMS: dict[str, Document] = {
    "message": InputMessageSchema(),
    "function_call": InputFunctionCallSchema(),
    "function_call_output": InputFunctionCallOutputSchema(),
    "custom_tool_call": InputCustomCallSchema(),
    "custom_tool_call_output": InputCustomCallOutputSchema(),
    **BUILT_IN_ITEMS,
    "reasoning": InputReasoningSchema(),
    "additional_tools": InputAdditionalToolsSchema(),
    "configuration_update": InputConfigurationUpdateSchema(),
    "compaction": InputCompactionSchema(),
    "compaction_trigger": CompactionTriggerSchema(),
    "item_reference": ItemReferenceSchema(),
    **dict.fromkeys(_HOSTED.types, _HOSTED),
    **dict.fromkeys(_COMPUTER.types, _COMPUTER),
    "tool_search_call": InputToolSearchCallSchema(),
    "tool_search_output": InputToolSearchOutputSchema(),
}


_PART = 'put it into the "content" of a message.'
#: Items of other APIs, and what to send in their place.
_FOREIGN = {
    "tool_use": 'send {"type": "function_call", "call_id": "…", "name": "…", "arguments": "…"}.',
    "tool_result": 'send {"type": "function_call_output", "call_id": "…", "output": "…"}.',
    **dict.fromkeys(("text", "input_text", "image_url", "input_image", "input_file"), _PART),
}


class InputField(StrictField):
    """The input: a string is one user message, an array contains items."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[InputItem, ...]:
        known: tuple[InputItem, ...] = ()
        if type(value) is KnownItemsJson:
            known, value = value.items, value.behind
        given = text_or_array(self, value, at, MOST_ITEMS)
        if isinstance(given, str):
            return (Message("", "user", (InputText(given),)),)
        path = self.path(at)
        items: list[InputItem] = []
        for start in range(0, len(given), SLICE):
            part = given[start : start + SLICE]
            read = list(map(plain_item, part))
            if not all(read):  # MEASURED: a test per item takes a tenth of the time to read it
                for index, item in enumerate(read):
                    if item is None:
                        place = start + index
                        where = f"{path}[{len(known) + place}]"
                        read[index] = read_item(given[place], where, context)
            items += filter(None, read)
            if len(part) == SLICE:
                context.pause()
        if context.trigger:
            refuse_trigger_inside(context, f"{path}[{len(known) + len(given) - 1}]")
        return (*known, *items)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(item) for item in dict.fromkeys(ITEMS.values())]}
        return {"anyOf": [LONG_TEXT, {"type": "array", "maxItems": MOST_ITEMS, "items": items}]}


def read_item(raw: object, path: str, context: ReadContext) -> InputItem | None:
    """Return the item that its schema reads (R18), or None for one that is not kept.

    Raises:
        InvalidField: its first fault.
    """
    given = object_at(raw, path)
    kind = _implied(given) or type_at(given, path)
    item = ITEMS.get(kind)
    if item is not None:
        made: InputItem | None = item.read(given, path, context)
        return made
    if context.policy.hosted_tools and kind not in _FOREIGN:
        return _UNKNOWN.read(given, path, context)  # the provider may have made it (P2)
    what = f"must be {listed(tuple(ITEMS))}: {quoted(kind)} items are not taken here."
    if kind in _FOREIGN:
        what = f"{quoted(kind)} is of another API: {_FOREIGN[kind]}"
    raise InvalidField("unsupported_value", join(path, "type"), what)


def _implied(given: dict[str, Any]) -> str | None:
    if given.get("type") is not None:
        return None
    if "role" in given:
        return "message"
    return "item_reference" if given.keys() <= {"id", "type"} and given else None
