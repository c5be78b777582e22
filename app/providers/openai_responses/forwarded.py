"""Add request fields that are forwarded to the upstream unchanged (P1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def with_forwarded(body: Json, forwarded: Mapping[str, Any]) -> Json:
    """Add fields to a body, by path; `reasoning.context` is added to the object at `reasoning`.

    Fields that the gateway has set itself stay as they are.
    """
    for path, value in forwarded.items():
        *parents, name = path.split(".")
        place: Any = body
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(name, value)
    return body
