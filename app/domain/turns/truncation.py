"""Drops the oldest turns of a conversation that is too long for its model (S8). Pure."""

from __future__ import annotations

from app.domain.items import Item, Message
from app.domain.turns.compaction import stays


def without_oldest(items: tuple[Item, ...], excess_tokens: int | None) -> tuple[Item, ...]:
    """Return the context without its oldest turns, cut only before user messages (S8).

    Drops about `excess_tokens` (at four characters a token), or else half. A cut never separates a
    call from its output: no message is between them (S4). Returns `items` unchanged if nothing may
    be dropped.
    """
    sizes = [0 if stays(item) else len(repr(item)) for item in items]
    goal = excess_tokens * 4 if excess_tokens is not None else sum(sizes) // 2
    cuts = [
        index
        for index, item in enumerate(items)
        if isinstance(item, Message) and item.role == "user" and any(sizes[:index])
    ]
    if not cuts:
        return items
    dropped = 0
    for start, end in zip([0, *cuts], cuts, strict=False):
        dropped += sum(sizes[start:end])
        if dropped >= goal:
            break
    return tuple(filter(stays, items[:end])) + items[end:]
