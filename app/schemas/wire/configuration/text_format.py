"""The format of answers."""

from __future__ import annotations

from app.domain.answer_options import JsonSchemaFormat, TextFormat
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.nesting import OneOf
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema


class PlainFormatSchema(ValueSchema[str]):
    values = (str,)

    type = Choice("text", "json_object", itself=True, **ALWAYS)


class JsonSchemaFormatSchema(ValueSchema[JsonSchemaFormat]):
    values = (JsonSchemaFormat,)

    type = Choice("json_schema", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    schema = FreeObject(**ALWAYS)
    strict = Boolean(**OR_NULL)


TEXT_FORMAT: OneOf[TextFormat] = OneOf(PlainFormatSchema(), JsonSchemaFormatSchema())
