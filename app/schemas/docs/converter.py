"""Converts strict fields and documents into OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema
from marshmallow.fields import Field

from app.schemas.docs.recurring import description
from app.schemas.document import Document
from app.schemas.field import StrictField


class Converter(OpenAPIConverter):
    """Uses each strict field's own JSON schema, and each Document's own description."""

    def field2property(self, field: Field[Any]) -> dict[str, Any]:
        """Return a field's JSON schema."""
        if not isinstance(field, StrictField):
            return super().field2property(field)
        shape = field.json_schema(self.refer)
        described = {"description": text} if (text := description(field)) else {}
        return (or_null(shape) if field.allow_none else shape) | described | dict(field.metadata)

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """Return a document's JSON schema."""
        untyped: Any = super()
        described: dict[str, Any] = untyped.schema2jsonschema(schema)
        described.pop("additionalProperties", None)
        if isinstance(schema, Document) and schema.about:
            described["description"] = schema.about
        return described

    def refer(self, schema: Schema) -> dict[str, Any]:
        """Return a reference to a schema's component, creating the component if needed."""
        untyped: Any = self
        reference: dict[str, Any] = untyped.resolve_nested_schema(schema)
        return reference


class Plugin(MarshmallowPlugin):
    """Uses the converter above, and names components without "Schema"."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=component_name)

    def refer(self, schema: Schema) -> dict[str, Any]:
        """Return a reference to a schema's component; only once the plugin is initialized."""
        converter: Any = self.converter
        reference: dict[str, Any] = converter.refer(schema)
        return reference


def component_name(schema: Schema | type[Schema]) -> str:
    """Return the component name of a schema."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def or_null(shape: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema that also allows null."""
    if "not" in shape:
        return {"type": "null"}
    if "type" not in shape:
        alternatives = shape.get("anyOf", [shape])
        return {"anyOf": [*alternatives, {"type": "null"}]}
    nullable = shape | {"type": [shape["type"], "null"]}
    return nullable | {"enum": [*shape["enum"], None]} if "enum" in shape else nullable
