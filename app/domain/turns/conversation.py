"""A conversation that has an id of its own; others are made by continuing responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """What callers see of it; `created_at` is in Unix seconds."""

    id: str
    created_at: int
    metadata: Mapping[str, str]
