"""The arguments of calls in a history: models write what they like, servers parse it. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from app.schemas.depth import MOST_NESTED, is_shallow


def as_object(arguments: str) -> dict[str, Any]:
    """Return the arguments as an object; what is none is wrapped into one, none at all is {}."""
    found = _object(arguments)
    if found is not None:
        return found
    return {"arguments": arguments} if arguments.strip() else {}


def as_text(arguments: str, *, must_be_object: bool) -> str:
    """Return the arguments as they were written, unless that is nothing, or must be an object."""
    if not arguments.strip():
        return "{}"
    if must_be_object and _object(arguments) is None:
        return orjson.dumps({"arguments": arguments}).decode()
    return arguments


def _object(arguments: str) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(arguments)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and _is_writable(arguments, parsed) else None


def _is_writable(arguments: str, parsed: dict[str, Any]) -> bool:
    """Tell whether it can be written again: what is read may be nested deeper than that."""
    brackets = arguments.count("{") + arguments.count("[")  # nearly always few: no need to walk
    return brackets <= MOST_NESTED or is_shallow(parsed, MOST_NESTED)
