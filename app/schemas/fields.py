"""Strict fields for JSON's types: "5" is not 5, 1 is not true, a boolean is not a number."""

from __future__ import annotations

import math
import re
from typing import Any

from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.field import Bind, ReadContext, Refer, StrictField
from app.schemas.invalid import (
    InvalidField,
    array_at,
    is_beyond_integers,
    join,
    listed,
    mistyped,
    object_at,
    quoted,
    too_long,
)

#: Maximum array length: a long answer has that many tokens with probabilities.
MOST_OBJECTS = 200_000


class String(StrictField):
    """A string of `shortest` to `longest` characters, matching `pattern` in full."""

    def __init__(
        self,
        *,
        shortest: int = 0,
        longest: int | None = None,
        pattern: str | None = None,
        hint: str = "",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.shortest, self.longest = shortest, longest
        self.pattern, self.hint = pattern, hint
        self._matches = re.compile(pattern).fullmatch if pattern else None

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        length = len(value)
        if length < self.shortest:
            raise self.invalid("invalid_value", at, "must not be empty.")
        if self.longest is not None and length > self.longest:
            raise too_long(self.path(at), value, self.longest)
        if self._matches is not None and self._matches(value) is None:
            raise self.invalid("invalid_value", at, f"{self.hint}, not {quoted(value)}.")
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        limits = {
            "minLength": self.shortest or None,
            "maxLength": self.longest,
            "pattern": self.pattern and f"^{self.pattern}$",
        }
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return {"type": "string"} | given


class Choice(StrictField):
    """One of a few strings; a single one is a constant, independent of the domain's value."""

    def __init__(self, *values: str, **options: Any) -> None:
        super().__init__(**options)
        self.values = values
        self._known = frozenset(values)

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        if value not in self._known:
            what = f"must be {listed(self.values)}, not {quoted(value)}."
            raise self.invalid("invalid_value", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}

    def dump_code(self, value: str, bind: Bind) -> str:
        is_constant = len(self.values) == 1 and self.attribute is None and not self.itself
        return repr(self.values[0]) if is_constant else value


class Boolean(StrictField):
    """true or false."""

    def check(self, value: Any, at: str, context: ReadContext) -> bool:
        if type(value) is not bool:
            raise self.mistyped(at, "true or false", value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "boolean"}


class Integer(StrictField):
    """An integer from `least` to `most`; 5.0 is refused, as is one beyond 64 bits."""

    def __init__(self, least: int, most: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def check(self, value: Any, at: str, context: ReadContext) -> int:
        if type(value) is not int:
            raise self._no_integer(at, value)
        if value < self.least:
            raise self._below(at, value)
        if self.most is not None and value > self.most:
            raise self._above(at, value, self.most)
        return value

    def _no_integer(self, at: str, value: Any) -> InvalidField:
        if self.most is None or not is_beyond_integers(value):
            return self.mistyped(at, "an integer", value)
        return self._below(at, value) if value < 0 else self._above(at, value, self.most)

    def _below(self, at: str, value: float) -> InvalidField:
        what = f"must be at least {self.least}, not {value}."
        return self.invalid("integer_below_min_value", at, what)

    def _above(self, at: str, value: float, most: int) -> InvalidField:
        what = f"must be at most {most}, not {value}."
        return self.invalid("integer_above_max_value", at, what)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        most = {} if self.most is None else {"maximum": self.most}
        return {"type": "integer", "minimum": self.least} | most


class Number(StrictField):
    """A number from `least` to `most`, with or without a fraction."""

    def __init__(self, least: float, most: float, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def check(self, value: Any, at: str, context: ReadContext) -> float:
        # Only NaN differs from itself.
        if (type(value) is not float and type(value) is not int) or value != value:
            raise self.mistyped(at, "a number", value)
        if value < self.least:
            what = f"must be at least {self.least}, not {value}."
            raise self.invalid("decimal_below_min_value", at, what)
        if value > self.most:
            what = f"must be at most {self.most}, not {value}."
            raise self.invalid("decimal_above_max_value", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most}
        return {"type": "number"} | {name: n for name, n in bounds.items() if math.isfinite(n)}


class StringList(StrictField):
    """An array of strings: at most `most`, each of at most `longest` characters."""

    def __init__(
        self, most: int = MOST_OBJECTS, longest: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.most, self.longest = most, longest

    def check(self, value: Any, at: str, context: ReadContext) -> list[str]:
        path = self.path(at)
        given = array_at(value, path, self.most)
        for index, each in enumerate(given):
            if type(each) is not str:
                raise mistyped(f"{path}[{index}]", "a string", each)
            if self.longest is not None and len(each) > self.longest:
                raise too_long(f"{path}[{index}]", each, self.longest)
        return given

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        limit = {} if self.longest is None else {"maxLength": self.longest}
        return {"type": "array", "maxItems": self.most, "items": {"type": "string"} | limit}


class ByteArray(StrictField):
    """An array of bytes, each as an integer."""

    def check(self, value: Any, at: str, context: ReadContext) -> list[int]:
        if type(value) is not list:
            raise self.mistyped(at, "an array", value)
        for index, each in enumerate(value):
            if type(each) is not int or not 0 <= each < 256:
                raise mistyped(f"{self.path(at)}[{index}]", "an integer from 0 to 255", each)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        byte = {"type": "integer", "minimum": 0, "maximum": 255}
        return {"type": "array", "items": byte}


class FreeObject(StrictField):
    """An object that is passed on unchanged, nested no deeper than JSON writers support."""

    def check(self, value: Any, at: str, context: ReadContext) -> dict[str, Any]:
        if type(value) is not dict:
            raise self.mistyped(at, "an object", value)
        if not is_shallow(value, MOST_NESTED):
            raise self.invalid("invalid_value", at, TOO_DEEP)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": True}


class FreeObjects(StrictField):
    """An array of objects that are passed on unchanged."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[dict[str, Any], ...]:
        for index, each in enumerate(array_at(value, self.path(at), MOST_OBJECTS)):
            object_at(each, f"{self.path(at)}[{index}]")
        if not is_shallow(value, MOST_NESTED):
            raise self.invalid("invalid_value", at, TOO_DEEP)
        return tuple(value)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        free = {"type": "object", "additionalProperties": True}
        return {"type": "array", "maxItems": MOST_OBJECTS, "items": free}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"list({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"tuple({data})"


class TextMap(StrictField):
    """An object of strings: at most `most` keys of `longest_key`, values of `longest_value`."""

    def __init__(self, most: int, longest_key: int, longest_value: int, **options: Any) -> None:
        super().__init__(**options)
        self.most, self.longest_key, self.longest_value = most, longest_key, longest_value

    def check(self, value: Any, at: str, context: ReadContext) -> dict[str, str]:
        if type(value) is not dict:
            raise self.mistyped(at, "an object", value)
        if len(value) > self.most:
            what = f"has {len(value)} keys: send at most {self.most}."
            raise self.invalid("invalid_value", at, what)
        for key, text in value.items():
            if len(key) > self.longest_key:
                what = f"has a key of {len(key)} characters: use at most {self.longest_key}."
                raise self.invalid("invalid_value", at, what)
            self._check_text(text, join(self.path(at), key))
        return value

    def _check_text(self, text: object, path: str) -> None:
        if type(text) is not str:
            raise mistyped(path, "a string", text)
        if len(text) > self.longest_value:
            raise too_long(path, text, self.longest_value)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {
            "type": "object",
            "maxProperties": self.most,
            "propertyNames": {"maxLength": self.longest_key},
            "additionalProperties": {"type": "string", "maxLength": self.longest_value},
        }
