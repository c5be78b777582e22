"""Find values for a JSON schema in a text, by simple rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.providers.local.sample import sample

_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
_NAMES = re.compile(r"(?<![.!?]\s)(?<=\s)[A-Z][\w-]*(?:\s[A-Z][\w-]*)*")
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_I = frozenset({"I"})
#: Other keywords constrain a schema's values, which values found in a text may not satisfy.
_PLAIN = frozenset({"type", "title", "description", "examples"})


def found_in(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a value that satisfies a simple `schema`, with values from a text as its properties.

    A property with `enum` gets the first of its values in the text; a number the next number; a
    string the next quotation, else the next name (capitalised words, except the first of a
    sentence), else the whole text. If none is found, or it is constrained, `sample` fills it.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return sample(schema, text)
    finder = _Finder(text)
    filled = {name: finder.filled(each) for name, each in properties.items()}
    return sample({**schema, "properties": filled}, text)


class _Finder:
    """Returns values from a text, each of them once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._strings = iter(_QUOTED.findall(text) or _names(text))
        self._numbers = iter(_NUMBERS.findall(text))

    def filled(self, schema: object) -> object:
        """Return a property's schema, with a value found in the text as its only value."""
        found = self._value(schema) if isinstance(schema, Mapping) else None
        return schema if found is None else {"const": found}

    def _value(self, schema: Mapping[str, Any]) -> Any:
        if choices := schema.get("enum"):
            return next((each for each in choices if str(each).lower() in self._text.lower()), None)
        if not schema.keys() <= _PLAIN:
            return None
        match _type(schema):
            case "string":
                return next(self._strings, None)
            case "integer" if (number := next(self._numbers, None)) is not None:
                return int(float(number))
            case "number" if (number := next(self._numbers, None)) is not None:
                return float(number) if "." in number else int(number)
            case _:
                return None


def _type(schema: Mapping[str, Any]) -> object:
    """Return a schema's type; the first of several, as null is rarely intended."""
    types = schema.get("type")
    return next(iter(types), None) if isinstance(types, list) else types


def _names(text: str) -> Iterator[str]:
    return (each for each in _NAMES.findall(text) if each not in _I)
