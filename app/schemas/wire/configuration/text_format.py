"""The format of an answer's text."""

from __future__ import annotations

from app.domain.answer_options import JsonSchemaFormat, TextFormat
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.nesting import OneOf
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema


class PlainFormatSchema(ValueSchema[str]):
    about = "Free text, or any JSON."
    values = (str,)

    type = Choice("text", "json_object", itself=True, **ALWAYS)


class JsonSchemaFormatSchema(ValueSchema[JsonSchemaFormat]):
    about = "JSON that matches a schema."
    values = (JsonSchemaFormat,)

    type = Choice("json_schema", **ALWAYS)
    name = String(about="The name of the format.", **ALWAYS)
    description = String(**OR_NULL)
    schema = FreeObject(**ALWAYS)
    strict = Boolean(**OR_NULL)


TEXT_FORMAT: OneOf[TextFormat] = OneOf(PlainFormatSchema(), JsonSchemaFormatSchema())
