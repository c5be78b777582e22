"""Repair the arguments of calls in a history, which servers parse as JSON. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from app.schemas.depth import MOST_NESTED, is_shallow


def as_object(arguments: str) -> dict[str, Any]:
    """Return the arguments as an object; {} for blank ones, other text is wrapped in an object."""
    found = _object(arguments)
    if found is not None:
        return found
    return {"arguments": arguments} if arguments.strip() else {}


def as_text(arguments: str, *, must_be_object: bool) -> str:
    """Return the arguments unchanged, unless they are blank or have to be wrapped in an object."""
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
    """Tell whether it can be serialised: the parser accepts deeper nesting than the serialiser."""
    brackets = arguments.count("{") + arguments.count("[")  # nearly always few: no need to walk
    return brackets <= MOST_NESTED or is_shallow(parsed, MOST_NESTED)
