"""Conversations with an id of their own; others exist only as chains of responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as callers see it; `created_at` is in Unix seconds.

    If it `is_encrypted` with its caller's key, metadata is empty for readers without the key.
    """

    id: str
    created_at: int
    metadata: Mapping[str, str]
    is_encrypted: bool = False
