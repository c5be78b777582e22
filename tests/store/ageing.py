"""Turns that are kept for some days, and what has their time come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.ids import tag_of
from app.domain.request import CreateRequest
from app.domain.turns.turn import Turn
from app.schemas.wire.echo import echo
from app.store.responses.base import ResponseStore
from tests.memory_stores.responses import MemoryStore
from tests.store.turns import next_id, turn

#: What was made then, and is kept for a day, expires in the year 2100.
LATER = 4_102_444_800
#: What expires then has expired.
LONG_AGO = 1


def kept_for(days: int, text: str = "hello", *, created_at: int = LATER, **more: Any) -> Turn:
    """Return a turn that is kept for some days from then on."""
    shown = echo(CreateRequest(model="gpt-5-mini", input=(), retention_days=days))
    made = turn(text, echo=shown, **more)
    return replace(made, response=replace(made.response, created_at=created_at))


def expire(client: Any, any_id: str, at: int = LONG_AGO, prefix: str = "rg:") -> None:
    """Have what a Redis keeps expire then: a response, items that came alone, a conversation."""
    index, place = f"{prefix}{{{tag_of(any_id)}}}", "conversation"
    if not any_id.startswith("conv_"):
        _, log, depth, _ = client.hget(index, any_id).decode().split(":")
        place = f"{log}:{depth}"
    client.zadd(f"{index}:expiring", {place: at})
    client.zadd(f"{prefix}{{expiring}}", {any_id: at})


def expire_in_memory(store: MemoryStore, kept: Turn) -> None:
    """Have a turn expire that a store in memory keeps for some days."""
    response_id = kept.response.id
    aged = replace(kept, response=replace(kept.response, created_at=LONG_AGO))
    store._kept[response_id] = replace(store._kept[response_id], turn=aged)


def continued_for(store: ResponseStore, parent: Turn, text: str = "and then?") -> Turn:
    """Return a saved turn that continues another and is kept for a day from `LATER` on."""
    position = store.context(parent.account, parent.response.id).position
    made = kept_for(1, text, response_id=next_id(parent.response.id), parent=position)
    store.save(made)
    return made
