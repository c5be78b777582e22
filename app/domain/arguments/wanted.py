"""Extracts values of a wanted kind from what a model wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from app.domain.arguments.reader import JsonReader


def read_json(written: str) -> Any:
    """Return the object, array or string in a text, as far as it can be parsed; else None.

    An object inside a string counts as one: some servers encode arguments as JSON twice.
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
    """Return the strings under the first of these keys that has any; a bare string is one."""
    if not isinstance(value, dict):
        return [value] if isinstance(value, str) else []
    of_keys = (strings_in(each) for key, each in value.items() if key in keys)
    return next((found for found in of_keys if found), [])


def positive(value: Any) -> int | None:
    """Return a positive number, without its fraction; None for anything else."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value < 2**53 else None


def as_json(values: dict[str, Any]) -> str:
    """Return a JSON object, without the keys whose value is None."""
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, ensure_ascii=False)
