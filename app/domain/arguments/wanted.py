"""Values of the kind that is wanted, out of what a model wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from app.domain.arguments.reader import JsonReader


def read_json(written: str) -> Any:
    """Return the object or array that can be read, or a string; None where it is none of these.

    An object inside a string is one: some servers write arguments as JSON twice.
    """
    reader = JsonReader()
    reader.read(written)
    value = reader.value()
    if value is not None or not written.lstrip().startswith('"'):
        return value
    try:
        text = json.loads(written)
    except ValueError:
        return None
    inner = read_json(text) if text.lstrip().startswith("{") else None
    return text if inner is None else inner


def strings_in(value: Any) -> list[str]:
    """Return a string, or the strings of an array, as a list."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def first_strings(value: Any, keys: Iterable[str]) -> list[str]:
    """Return the strings under the first of these keys that has any; a string alone is one."""
    if not isinstance(value, dict):
        return [value] if isinstance(value, str) else []
    of_keys = (strings_in(each) for key, each in value.items() if key in keys)
    return next((found for found in of_keys if found), [])


def positive(value: Any) -> int | None:
    """Return a number that is above 0, without its fraction; None where it is no such."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value < 2**53 else None


def as_json(values: dict[str, Any]) -> str:
    """Return an object of JSON, without what is None."""
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, ensure_ascii=False)
