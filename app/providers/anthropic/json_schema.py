"""Convert JSON schemas to the narrower form that this format accepts. Pure.

Sources: platform.claude.com, "Structured outputs", "JSON Schema limitations", and what Anthropic's
own clients do to schemas before they send them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

Schema = dict[str, Any]

#: Keywords that are refused; their constraints are written into the description instead.
_REFUSED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "contentEncoding",
    "contentMediaType",
    "maxItems",
    "uniqueItems",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "not",
)
#: Keywords that do not constrain the answer, which are dropped.
_SILENT = frozenset({"$schema", "$id", "$comment", "unevaluatedItems", "unevaluatedProperties"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_UNIONS = ("allOf", "anyOf", "oneOf")
_NAMED_SCHEMAS = ("properties", "$defs", "definitions")
_DEFINITIONS = ("$defs", "definitions")
_NO_MORE = object()


def can_hold(schema: Schema) -> bool:
    """Tell whether a schema can be enforced on an answer, or a call, at all.

    It cannot if a reference leads out of the schema, or is recursive.
    """
    # MEASURED: few have references; walking the schemas of 40 tools twice is 800 µs a request.
    if b'"$ref"' not in orjson.dumps(schema):
        return True
    # Depth first, without recursion: references may be a long chain.
    path = [(id(schema), _steps(schema, schema))]
    on_path, done = {id(schema)}, set[int]()
    while path:
        own_id, steps = path[-1]
        step = next(steps, _NO_MORE)
        if step is _NO_MORE:
            path.pop()
            on_path.remove(own_id)
            done.add(own_id)
        elif not isinstance(step, dict) or id(step) in on_path:
            return False
        elif id(step) not in done:
            path.append((id(step), _steps(step, schema)))
            on_path.add(id(step))
    return True


def _steps(schema: Schema, root: Schema) -> Iterator[object]:
    """Yield a schema's direct subschemas and the target of its reference, None if missing."""
    for name, value in schema.items():
        if name == "$ref":
            yield _referred(value, root)
        elif name in _NAMED_SCHEMAS and isinstance(value, dict):
            yield from (each for each in value.values() if isinstance(each, dict))
        elif name in _UNIONS and isinstance(value, list):
            yield from (each for each in value if isinstance(each, dict))
        elif name == "items" and isinstance(value, dict):
            yield value


def _referred(reference: object, root: Schema) -> object:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: object = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def strict_schema(schema: Schema) -> Schema:
    """Return a schema that can be enforced on answers and strict tools.

    Every object is closed, oneOf becomes anyOf, and refused keywords move into the description.
    """
    if "$ref" in schema:  # other keywords beside it are refused
        schema = {
            name: value for name, value in schema.items() if name == "$ref" or name in _DEFINITIONS
        }
    stated = {name: schema[name] for name in schema if _is_refused(name, schema[name])}
    kept = {
        name: _inner(name, value)
        for name, value in schema.items()
        if name not in stated and name not in _SILENT
    }
    if "oneOf" in kept:
        alternatives = kept.pop("oneOf")
        kept.setdefault("anyOf", alternatives)
    if "properties" in kept or "object" in _types(kept):
        if isinstance(others := kept.get("additionalProperties"), dict) and others:
            stated["additionalProperties"] = others
        kept["additionalProperties"] = False
    if stated:
        described = schema.get("description", "")
        bounds = ", ".join(_bound(name, value) for name, value in stated.items())
        kept["description"] = f"{described} ({bounds})".lstrip()
    return kept


def _is_refused(name: str, value: object) -> bool:
    match name:
        case "minItems":
            return value not in (0, 1)
        case "format":
            return not isinstance(value, str) or value not in _FORMATS
        case "items":
            return isinstance(value, list)
        case "enum":
            return any(isinstance(each, dict | list) for each in _list(value))
        case _:
            return name in _REFUSED


def _types(schema: Schema) -> list[Any]:
    kinds = schema.get("type")
    return kinds if isinstance(kinds, list) else [kinds]


def _inner(name: str, value: object) -> object:
    if name in _NAMED_SCHEMAS and isinstance(value, dict):
        return {key: _strict_or_same(inner) for key, inner in value.items()}
    if name in _UNIONS and isinstance(value, list):
        return [_strict_or_same(inner) for inner in value]
    return _strict_or_same(value) if name == "items" else value


def _strict_or_same(value: object) -> object:
    return strict_schema(value) if isinstance(value, dict) else value


def _bound(name: str, value: object) -> str:
    return f"{name}: {orjson.dumps(value).decode()}"


def tool_schema(parameters: Schema | None) -> Schema:
    """Return a tool's parameters as a plain object: unions and references at the top are refused.

    The properties of unions are merged; those that only some branches require become optional.
    """
    given = parameters or {}
    if isinstance(referred := _referred(given.get("$ref"), given), dict):
        rest = {name: value for name, value in given.items() if name != "$ref"}
        given = referred | rest
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
