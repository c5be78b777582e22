"""About how many bytes of memory items take, whatever is sent of them."""

from __future__ import annotations

from sys import getsizeof
from typing import Any

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
)

#: What an item takes with the array of its contents, and a part with its place in that.
_ITEM, _PART = 160, 60


def size_of(item: Item) -> int:
    """Return how many bytes an item takes with all that it holds.

    MEASURED: it takes 0.7 µs for the usual ones; to look at all they hold takes ten.
    """
    texts: tuple[str, ...]
    if isinstance(item, FunctionCall):
        texts = item.id, item.call_id, item.name, item.arguments
    elif isinstance(item, FunctionCallOutput) and isinstance(item.output, str):
        texts = item.id, item.call_id, item.output
    elif isinstance(item, Reasoning):
        texts = item.id, item.encrypted_content or "", *item.summary, *item.content
    elif (
        isinstance(item, Message)
        and len(item.content) == 1
        and isinstance(part := item.content[0], InputText | OutputText)
    ):
        texts = item.id, part.text
    else:
        return _size_of_all(item)
    return _ITEM + _PART + sum(map(getsizeof, texts))


def _size_of_all(item: Item) -> int:
    """Return how many bytes an item takes, whatever it holds."""
    size, left = 0, list[Any]([item])
    while left:
        value = left.pop()
        size += getsizeof(value)
        if isinstance(value, dict):
            left += value
            left += value.values()
        elif isinstance(value, tuple | list):
            left += value
        else:
            left += [getattr(value, name) for name in _fields(type(value))]
    return size


def _fields(kind: type) -> tuple[str, ...]:
    """Return the fields of a class of the domain's, none of another's."""
    fields: dict[str, Any] = getattr(kind, "__dataclass_fields__", {})
    return tuple(fields)
