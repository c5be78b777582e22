"""Converts arguments and replies of the programs on background responses from and to values.

Words on channels and in keys are the same in earlier and later releases; names of values are free.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from app.domain.accounts.content_key import ContentKey
from app.domain.prices import Cost
from app.domain.response import Usage
from app.store.codec import Codec
from app.store.encryption import Seal, seal_of
from app.store.jobs.base import Claim, Flush, JobNews, RetryState
from app.store.key_wrapping import KeyWrapping

#: News by the first word of a message on the channel, such as `seized resp_…`.
_NEWS: dict[str, JobNews] = {
    "waiting": "waiting",
    "told": "events",
    "seized": "taken_over",
    "ended": "ended",
    "cancel": "cancel",
    "wanted": "wanted",
    "webhook": "webhook",
}


def packed(claim: Claim, flush: Flush, codec: Codec) -> tuple[int, bytes, int]:
    """Return the number of a flush's first event, the packed events, and their count."""
    seal = events_seal(claim.response_id, flush.first, claim.key)
    return flush.first, codec.pack(b"\n".join(flush.lines), seal), len(flush.lines)


def events_seal(response_id: str, first: int, key: ContentKey | None) -> Seal | None:
    """Return the seal of a flush whose first event has this number; None without a key."""
    return None if key is None else seal_of(key, response_id, b"events %d" % first)


def append_arguments(claim: Claim, flush: Flush, codec: Codec) -> tuple[str | int | bytes, ...]:
    """Return the arguments of lua/job/append.lua, except the id and the channel.

    Usage of which an upstream has counted a part only is written without a cost.
    """
    usage = b"" if flush.usage is None else _usage_json(flush.usage)
    cost = b"" if flush.cost is None or not flush.cost.is_counted else _cost_json(flush.cost)
    packed_flush = packed(claim, flush, codec)
    return claim.lease_token, *packed_flush, int(flush.has_output), usage, cost


def _usage_json(usage: Usage) -> bytes:
    """Return the counts that earlier releases know as well; the others only matter for the cost."""
    counts = asdict(usage)
    del counts["cache_write_1h_tokens"]
    return orjson.dumps(counts)


def _cost_json(cost: Cost) -> bytes:
    """Return the fields of a cost that earlier releases know as well."""
    fields = asdict(cost)
    del fields["is_counted"]
    return orjson.dumps(fields)


def retries_json(retries: RetryState) -> bytes:
    """Encode how far a job's retries have come."""
    return orjson.dumps(asdict(retries))


def news_of(message: list[Any]) -> tuple[JobNews, str]:
    """Return the news in a message; "" for an unknown word, which means "look for yourself"."""
    kind, _, data = message
    if kind == b"subscribe":
        return "", ""
    word, _, response_id = data.decode().partition(" ")
    return _NEWS.get(word, ""), response_id


def claim_of(
    response_id: str, lease_token: str, holder: str, fields: Any, wrapping: KeyWrapping
) -> Claim:
    """Parse the claim that a program returned."""
    packed_account, packed_payload, next_number, usage, begun, why, retries, cost, *rest = fields
    account, (kind, wrapped, left) = packed_account.decode(), rest
    return Claim(
        response_id,
        account,
        packed_payload,
        lease_token,
        holder,
        int(next_number),
        usage and Usage(**orjson.loads(usage)),
        begun not in (None, lease_token.encode()),
        why and why.decode(),
        retries and RetryState(**orjson.loads(retries)),
        cost and Cost(**orjson.loads(cost)),
        kind=kind and kind.decode(),
        key=wrapping.unwrapped(account, response_id, wrapped),
        left_s=left and float(left),
    )
