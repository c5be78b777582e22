"""The arguments and replies of the programs of background responses, as values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import orjson

from app.domain.response import Usage
from app.store.codec import Codec
from app.store.jobs.base import Claim, Flush, Retries, What


def packed(flush: Flush, codec: Codec) -> tuple[int, bytes, int]:
    """Return the number of a flush's first event, the events, and how many they are."""
    return flush.first, codec.pack(b"\n".join(flush.lines)), len(flush.lines)


def tell_arguments(owner: str, flush: Flush, codec: Codec) -> tuple[str | int | bytes, ...]:
    """Return the arguments of lua/job/append.lua, but for the id and the channel."""
    usage = b"" if flush.usage is None else orjson.dumps(asdict(flush.usage))
    return owner, *packed(flush, codec), int(flush.spoke), usage


def retries_json(retries: Retries) -> bytes:
    """Return how far attempts have come, as it is kept with their job."""
    return orjson.dumps(asdict(retries))


def news_of(message: dict[str, Any]) -> tuple[What, str]:
    """Return what a message says that came on the channel."""
    if message["type"] == "subscribe":
        return "", ""
    what, _, response_id = message["data"].decode().partition(" ")
    return cast(What, what), response_id


def claim_of(response_id: str, owner: str, by: str, fields: Any) -> Claim:
    """Return the claim that a program returned."""
    account, ticket, next_number, usage, begun, why, retries = fields
    return Claim(
        response_id,
        account.decode(),
        ticket,
        owner,
        by,
        int(next_number),
        usage and Usage(**orjson.loads(usage)),
        begun not in (None, owner.encode()),
        why and why.decode(),
        retries and Retries(**orjson.loads(retries)),
    )
