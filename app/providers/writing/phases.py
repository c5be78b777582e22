"""The phase of a message, commentary or final answer, where it is not known (R23). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.items import Item, Message

NAME = "input.phase"


def ignored_phases(items: Iterable[Item]) -> list[str]:
    """Name the parameter where an item says its phase to a server that does not read it."""
    phases = {item.phase for item in items if type(item) is Message}
    return [NAME] if phases - {None} else []
