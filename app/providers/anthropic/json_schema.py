"""JSON schemas in the narrower form that this format takes. Pure."""

from __future__ import annotations

from typing import Any

import orjson

Schema = dict[str, Any]

#: Keywords that are refused; what they demand goes into the description instead.
_REFUSED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
)
_UNIONS = ("allOf", "anyOf", "oneOf")
_NAMED_SCHEMAS = ("properties", "$defs", "definitions")


def strict_schema(schema: Schema) -> Schema:
    """Return a schema that answers and strict tools can be held to.

    Every object is closed, oneOf becomes anyOf, and bounds move into the description.
    """
    kept = {name: _inner(name, value) for name, value in schema.items() if name not in _REFUSED}
    if "oneOf" in kept:
        alternatives = kept.pop("oneOf")
        kept.setdefault("anyOf", alternatives)
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    if bounds := [_bound(name, schema[name]) for name in _REFUSED if name in schema]:
        described = schema.get("description", "")
        kept["description"] = f"{described} ({', '.join(bounds)})".lstrip()
    return kept


def _inner(name: str, value: object) -> object:
    if name in _NAMED_SCHEMAS and isinstance(value, dict):
        return {key: _strict_or_same(inner) for key, inner in value.items()}
    if name in _UNIONS and isinstance(value, list):
        return [_strict_or_same(inner) for inner in value]
    return _strict_or_same(value) if name in ("items", "not") else value


def _strict_or_same(value: object) -> object:
    return strict_schema(value) if isinstance(value, dict) else value


def _bound(name: str, value: object) -> str:
    return f"{name}: {orjson.dumps(value).decode()}"


def tool_schema(parameters: Schema | None) -> Schema:
    """Return a tool's parameters as a plain object: unions at the top are refused.

    Their properties are joined; what only some branches require is required no more.
    """
    given = parameters or {}
    schema = {name: value for name, value in given.items() if name not in _UNIONS}
    properties, required = _mapping(schema.get("properties")), _list(schema.get("required"))
    for union in _UNIONS:
        for branch in map(_mapping, _list(given.get(union))):
            properties = _mapping(branch.get("properties")) | properties
            if union == "allOf":
                required = required + [
                    name for name in _list(branch.get("required")) if name not in required
                ]
    schema |= {"type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})


def _mapping(value: object) -> Schema:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
