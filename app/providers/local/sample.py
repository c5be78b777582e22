"""Make a value that satisfies a JSON schema, always the same one. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

#: Depth to which optional properties are filled in; a schema may be recursive.
MAX_DEPTH = 4
#: Maximum number of subschemas visited, and of characters in all texts together: beyond these,
#: values are null, or cut. A schema of one line may demand more than there is memory.
MOST_PARTS, MOST_CHARACTERS = 1000, 1_000_000

_FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: object, text: str = "text") -> Any:
    """Return a value that satisfies a simple `schema`; `text` is used for unconstrained strings.

    Patterns, conditions and negations are ignored; very large values are cut. For a schema with a
    malformed keyword, such as a minimum of "low", the value is null.
    """
    root = schema if isinstance(schema, Mapping) else {}
    try:
        return _Sampler(root, text).value(root, 0)
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError):
        return None


class _Sampler:
    def __init__(self, root: Schema, text: str) -> None:
        self._root = root
        self._text = text
        self._parts, self._characters = MOST_PARTS, MOST_CHARACTERS  # those that remain
        self._by_type: dict[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": lambda schema, _: math.ceil(_number(schema)),
            "number": lambda schema, _: _number(schema),
            "boolean": lambda *_: True,
        }

    def value(self, schema: object, depth: int) -> Any:
        """Return a value for a part of the schema."""
        if not isinstance(schema, Mapping) or depth > 2 * MAX_DEPTH or not self._parts:
            return None
        schema = self._whole(schema)
        for fixed in ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        if schema.get("enum"):
            return schema["enum"][0]
        make = self._by_type.get(_type(schema))
        return make(schema, depth) if make else None

    def _whole(self, schema: Schema, depth: int = 0) -> Schema:
        """Resolve a reference, take the first alternative, and merge `allOf`."""
        if not self._parts or depth > 2 * MAX_DEPTH:
            return {}
        self._parts -= 1
        joined = dict(schema)
        if isinstance(reference := joined.pop("$ref", None), str):
            joined = {**self._target(reference), **joined}
        for alternatives in ("anyOf", "oneOf"):
            if options := joined.pop(alternatives, None):
                joined = {**joined, **self._whole(options[0], depth + 1)}
        for part in joined.pop("allOf", ()):
            other = self._whole(part, depth + 1)
            properties = {**joined.get("properties", {}), **other.get("properties", {})}
            required = [*joined.get("required", ()), *other.get("required", ())]
            joined = {**joined, **other}
            if properties:
                joined |= {"properties": properties, "required": required}
        return joined

    def _target(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(step, {}) if step and isinstance(found, Mapping) else found
        return found if isinstance(found, Mapping) and "$ref" not in found else {}

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.value(each, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in required or depth < MAX_DEPTH
        }

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        count = max(schema.get("minItems", 0), 1 if depth < MAX_DEPTH and "items" in schema else 0)
        count = min(count, self._parts)
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _string(self, schema: Schema, _: int) -> str:
        text = _FORMATS.get(schema.get("format", ""), self._text)
        length = min(schema.get("minLength", 0), self._characters)
        text = text[: self._characters].ljust(length, ".")[: schema.get("maxLength")]
        self._characters -= len(text)
        return text


def _type(schema: Schema) -> str:
    types = schema.get("type")
    if isinstance(types, list):
        types = next((each for each in types if each != "null"), "null")
    if types is None:
        types = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(types)


def _number(schema: Schema) -> Any:
    step = schema.get("multipleOf", 1)
    if "exclusiveMinimum" in schema:
        lowest = schema["exclusiveMinimum"] + step
    else:
        lowest = schema.get("minimum", 0)
    highest = schema.get("maximum", math.inf)
    value = math.ceil(lowest / step) * step if step else lowest
    return value if value <= highest else highest
