"""Errors about invalid request bodies: the fault, its path, and a remedy for the caller."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from app.errors import InvalidRequest

_LONGEST_QUOTED = 40
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


class InvalidField(ValidationError, InvalidRequest):
    """A fault, its path and the remedy; `path` is "" for the whole body.

    It is marshmallow's ValidationError, and for the caller a 400 whose `param` is the path
    (R3, R4).
    """

    def __init__(self, code: str, path: str, what: str) -> None:
        message = f"'{path}' {what}" if path else f"The body {what}"
        ValidationError.__init__(self, message)
        InvalidRequest.__init__(self, message, param=path or None, code=code)
        self.path = path


def join(at: str, name: str) -> str:
    """Return the path of the key `name` of the object at `at`."""
    return f"{at}.{name}" if at else name


def kind(value: object) -> str:
    """Return the JSON type of a value, with its article."""
    return _KINDS.get(type(value), "something else")


def is_beyond_integers(value: object) -> bool:
    """Tell whether a parsed number is outside 64 bits.

    Then it may have been written as an integer, which the parser has turned into a float.
    """
    return type(value) is float and abs(value) >= 2.0**63


def quoted(value: object) -> str:
    """Return a short value as it was written, and only the type of a long one."""
    if type(value) is str:
        return f'"{value}"' if len(value) <= _LONGEST_QUOTED else f"a string of {len(value)}"
    return repr(value) if type(value) in (int, float) else kind(value)


def listed(values: tuple[str, ...]) -> str:
    """Return the values as a readable choice: "a", "b" or "c"."""
    quoted = [f'"{value}"' for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def required(path: str) -> InvalidField:
    """Return the error for a missing value."""
    return InvalidField("missing_required_parameter", path, "is required: it is absent or null.")


def mistyped(path: str, wanted: str, value: object) -> InvalidField:
    """Return the error for a value of another type than `wanted`."""
    return InvalidField("invalid_type", path, f"must be {wanted}, not {kind(value)}.")


def too_long(path: str, text: str, longest: int) -> InvalidField:
    """Return the error for a string of more than `longest` characters."""
    what = f"has {len(text)} characters: send at most {longest}."
    return InvalidField("invalid_value", path, what)


def array_at(value: object, path: str, most: int, wanted: str = "an array") -> list[Any]:
    """Return `value` if it is an array of at most `most` elements (N15)."""
    if type(value) is not list:
        raise mistyped(path, wanted, value)
    if len(value) > most:
        what = f"has {len(value)} elements: send at most {most}."
        raise InvalidField("array_above_max_length", path, what)
    return value


def object_at(raw: object, path: str) -> dict[str, Any]:
    """Return `raw` if it is an object."""
    if type(raw) is not dict:
        raise mistyped(path, "an object", raw)
    return raw


def type_at(raw: dict[str, Any], path: str) -> str:
    """Return the `type` of an object that may be one of several types."""
    found = raw.get("type")
    if found is None:
        raise required(join(path, "type"))
    if type(found) is not str:
        raise mistyped(join(path, "type"), "a string", found)
    return found
