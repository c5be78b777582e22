"""Common fields of items: contents, outputs, lists of texts, ids."""

from __future__ import annotations

from typing import Any

from app.domain.items import InputPart
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import String
from app.schemas.invalid import array_at, too_long
from app.schemas.request.bounds import LONGEST_ID, LONGEST_TEXT, MOST_PARTS
from app.schemas.request.parts import (
    ASSISTANT_PARTS,
    CALLER_PARTS,
    parts_json_schema,
    read_caller_parts,
)

LONG_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}


class ItemSchema(Document):
    """An item: an object whose kind follows from its `type`, or else from its keys."""


class ItemId(String):
    """The `id` of an item."""

    def __init__(self) -> None:
        super().__init__(
            longest=LONGEST_ID,
            load_default="",
            about="The item's id; generated if it is absent, null or empty.",
        )


class ContentField(StrictField):
    """A message's content. Which parts it may contain depends on the role: `build` reads them."""

    def check(self, value: Any, at: str, context: ReadContext) -> str | list[Any]:
        return text_or_array(self, value, at, MOST_PARTS)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {
            "anyOf": [
                LONG_TEXT,
                parts_json_schema((*CALLER_PARTS.values(), *ASSISTANT_PARTS.values()), refer),
            ]
        }


class FunctionOutputField(StrictField):
    """A function's output: a string, or content parts that a caller may send."""

    def check(self, value: Any, at: str, context: ReadContext) -> str | tuple[InputPart, ...]:
        given = text_or_array(self, value, at, MOST_PARTS)
        return given if isinstance(given, str) else read_caller_parts(given, self.path(at), context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [LONG_TEXT, parts_json_schema(CALLER_PARTS.values(), refer)]}


class TextListField(StrictField):
    """An array of `{"type": …, "text": …}`, converted to its texts."""

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


def text_or_array(field: StrictField, value: object, at: str, most: int) -> str | list[Any]:
    """Return a string, or an array of at most `most` elements.

    Raises:
        InvalidField: it is neither, or too long.
    """
    if type(value) is str:
        if len(value) > LONGEST_TEXT:
            raise too_long(field.path(at), value, LONGEST_TEXT)
        return value
    return array_at(value, field.path(at), most, "a string or an array")
