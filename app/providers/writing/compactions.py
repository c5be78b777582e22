"""Other services' compaction items in a request to a server that cannot read them (G8)."""

from __future__ import annotations

from app.errors import InvalidRequest


def unread_compaction() -> InvalidRequest:
    """Return the error for a compaction that this server cannot read."""
    return InvalidRequest(
        "A compaction in the conversation was made by another service, and cannot be read here.",
        param="input",
        code="unsupported_value",
    )
