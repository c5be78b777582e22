"""A conversation that has an id of its own; others are made by continuing responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """What callers see of it; `created_at` is in Unix seconds.

    Of one that `is_encrypted` with its caller's key, metadata is empty for whoever has none.
    """

    id: str
    created_at: int
    metadata: Mapping[str, str]
    is_encrypted: bool = False
