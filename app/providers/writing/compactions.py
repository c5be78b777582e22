"""Compactions of other services, in a context for a server that does not read them (G8)."""

from __future__ import annotations

from app.errors import InvalidRequest


def unread_compaction() -> InvalidRequest:
    """Return the fault of one that was not left to a server that reads it."""
    return InvalidRequest(
        "A compaction in the conversation was made by another service, and cannot be read here.",
        param="input",
        code="unsupported_value",
    )
