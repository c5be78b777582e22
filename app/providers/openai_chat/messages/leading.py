"""The system messages that lead a conversation, which many chat templates know one of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.items import FunctionCall, Item, Message


def leading(items: Sequence[Item]) -> int:
    """Return how many items, from the first one on, may be joined with system messages before them.

    What the next one becomes is no system message. Some become nothing, so that one leads that
    is behind them: then it is all of the items.
    """
    for count, item in enumerate(items):
        if isinstance(item, Message) and item.role in {"system", "developer"}:
            continue
        is_user = isinstance(item, Message) and item.role == "user"
        return count if is_user or isinstance(item, FunctionCall) else len(items)
    return len(items)


def with_one_system(messages: list[Any]) -> list[Any]:
    """Join the system messages that lead: many chat templates know only one."""
    count = 0
    for message in messages:
        if type(message) is not dict or message["role"] != "system":
            break
        count += 1
    contents = [message["content"] for message in messages[:count]]
    if count < 2 or not all(isinstance(content, str) for content in contents):
        return messages
    return [{"role": "system", "content": "\n\n".join(contents)}, *messages[count:]]
