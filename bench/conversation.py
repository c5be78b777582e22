"""Long conversations, written directly into the store."""

from __future__ import annotations

from random import Random
from typing import Any

from app.domain.items import InputText, Message, OutputText
from app.domain.request import CreateRequest, Parameters
from app.domain.response import Response, Usage
from app.domain.turns.turn import Position as Standing
from app.domain.turns.turn import Turn
from app.schemas.wire.echo import echo
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.responses.redis import RedisStore
from bench.ids import item_minter, new_id, new_tag
from bench.questions import MODEL
from bench.servers import PREFIX, Place

ACCOUNT = "bench"
#: A few hundred words, so that their texts compress about as well as prose.
_WORDS = tuple(
    f"{a}{b}{c}"
    for a in ("", "re", "un", "over")
    for b in ("stand", "light", "turn", "ma", "sol", "fin", "work", "gar", "mor", "lin")
    for c in ("", "ing", "ed", "den", "ly", "er", "s")
)


def opened(where: Place) -> tuple[RedisStore, Any]:
    """Return a store as the gateway uses it, and its Redis client."""
    client = connect(RedisSettings(url=where.redis_url, prefix=PREFIX))
    return RedisStore(client, PREFIX), client


def prose(words: int, seed: int) -> str:
    """Return a text of `words` words, the same for the same seed."""
    return " ".join(Random(seed).choices(_WORDS, k=words))  # noqa: S311 - guards nothing


def turns_of(count: int) -> list[Turn]:
    """Return the turns of one conversation, each of about a kilobyte."""
    tag = new_tag()
    return [_turn(tag, depth) for depth in range(count)]


def converse(where: Place, conversations: int, turns: int) -> list[str]:
    """Store conversations of `turns` turns and return the ids of their last responses."""
    store, _ = opened(where)
    ids = []
    for _ in range(conversations):
        result = turns_of(turns)
        for turn in result:
            store.save(turn)
        ids.append(result[-1].response.id)
    return ids


def _turn(tag: str, depth: int) -> Turn:
    response_id = new_id("resp", tag)
    mint = item_minter(response_id)
    request = CreateRequest(model=MODEL, input=(), parameters=Parameters())
    answer = OutputText(prose(70, seed=2 * depth))
    response = Response(
        response_id,
        MODEL,
        1_760_000_000,
        echo(request),
        "completed",
        output=(Message(mint("msg"), "assistant", (answer,), "completed"),),
        usage=Usage(11, 7),
        completed_at=1_760_000_001,
    )
    question = InputText(prose(60, seed=2 * depth + 1))
    given = Message(mint("msg"), "user", (question,), "completed")
    parent = Standing("0", depth - 1) if depth else None
    return Turn(ACCOUNT, response, (given,), frozenset(), parent)
