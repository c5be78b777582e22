"""The options of the answer's text: its format, in flat or nested form, and its verbosity."""

from __future__ import annotations

from typing import Any

from app.domain.answer_options import JsonSchemaFormat, TextFormat, TextOptions
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.invalid import InvalidField, join, listed, object_at, quoted, type_at
from app.schemas.nesting import Nested
from app.schemas.request.bounds import NAME, NAME_HINT

FORMATS = ("text", "json_object", "json_schema")


class InputPlainFormatSchema(Document):
    about = "Free text, or any JSON."

    type = Choice("text", "json_object", required=True)


class InputJsonSchemaSchema(Document):
    about = "A JSON schema and its name."
    values = (JsonSchemaFormat,)

    name = String(required=True, pattern=NAME, hint=NAME_HINT, about="The name of the format.")
    schema = FreeObject(required=True)
    description = String(about="What the format is for, shown to the model.")
    strict = Boolean()


class InputJsonSchemaFormatSchema(InputJsonSchemaSchema):
    about = "JSON that matches a schema."

    type = Choice("json_schema", required=True)


class InputNestedFormatSchema(Document):
    about = "The same, in the nested format of Chat Completions; responses return the flat one."

    type = Choice("json_schema", required=True)
    json_schema = Nested(InputJsonSchemaSchema(), required=True, about="The schema, nested.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> JsonSchemaFormat:
        made: JsonSchemaFormat = found["json_schema"]
        return made


_PLAIN, _FLAT, _NESTED = (
    InputPlainFormatSchema(),
    InputJsonSchemaFormatSchema(),
    InputNestedFormatSchema(),
)


class TextFormatField(StrictField):
    """`text.format`."""

    def check(self, value: Any, at: str, context: ReadContext) -> TextFormat:
        path = self.path(at)
        match type_at(object_at(value, path), path):
            case "text" | "json_object" as plain:
                _PLAIN.read(value, path, context)
                return plain
            case "json_schema":
                form = _FLAT if value.get("json_schema") is None else _NESTED
                made: JsonSchemaFormat = form.read(value, path, context)
                return made
            case kind:
                what = f"must be {listed(FORMATS)}, not {quoted(kind)}."
                raise InvalidField("invalid_value", join(path, "type"), what)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [refer(_PLAIN), refer(_FLAT), refer(_NESTED)]}


class TextOptionsSchema(Document):
    about = "Settings for the text of the response."
    values = (TextOptions,)

    format = TextFormatField(about="Free text, JSON, or JSON that matches a schema.")
    verbosity = Choice("low", "medium", "high", default="medium", about="How verbose the text is.")
