"""Join the leading system messages of a conversation: many chat templates take only one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.items import FunctionCall, Item, Message


def leading(items: Sequence[Item]) -> int:
    """Return how many leading items may be joined with the system messages before them.

    The item after them certainly does not become a system message. Some items become no message,
    so that a later one may still lead: then the result is the number of all items.
    """
    for count, item in enumerate(items):
        if isinstance(item, Message) and item.role in {"system", "developer"}:
            continue
        is_user = isinstance(item, Message) and item.role == "user"
        return count if is_user or isinstance(item, FunctionCall) else len(items)
    return len(items)


def with_one_system(messages: list[Any]) -> list[Any]:
    """Join the leading system messages: many chat templates take only one."""
    count = 0
    for message in messages:
        if type(message) is not dict or message["role"] != "system":
            break
        count += 1
    contents = [message["content"] for message in messages[:count]]
    if count < 2 or not all(isinstance(content, str) for content in contents):
        return messages
    return [{"role": "system", "content": "\n\n".join(contents)}, *messages[count:]]
