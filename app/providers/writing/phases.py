"""Report `phase` of messages to servers that do not support it (R23). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.items import Item, Message

NAME = "input.phase"


def ignored_phases(items: Iterable[Item]) -> list[str]:
    """Return the parameter's name if a message has a phase (commentary or final answer)."""
    phases = {item.phase for item in items if type(item) is Message}
    return [NAME] if phases - {None} else []
