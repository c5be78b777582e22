"""Encodes and decodes endpoints, events and the delivery log.

An endpoint is `{"name": "mine", "url": "https://…", "event_types": ["response.completed"], …}`, an
event `response.completed resp_… 1764400000 2`, an entry of the log `{"at": 1764400000.2, …}`.
"""

from __future__ import annotations

from dataclasses import asdict, fields

import orjson

from app.domain.webhooks.deliveries import AttemptEntry, Delivery
from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent

_OF_ENDPOINT = frozenset(each.name for each in fields(WebhookEndpoint))
_OF_ENTRY = frozenset(each.name for each in fields(AttemptEntry))


def dump_endpoint(endpoint: WebhookEndpoint) -> bytes:
    """Encode an endpoint; its account and id are in its key."""
    kept = asdict(endpoint)
    del kept["id"], kept["account"]
    return orjson.dumps(kept)


def load_endpoint(account: bytes | str, endpoint_id: bytes, kept: bytes) -> WebhookEndpoint:
    """Decode an endpoint."""
    # Fields of a later release are ignored.
    known = {name: each for name, each in orjson.loads(kept).items() if name in _OF_ENDPOINT}
    known["event_types"] = tuple(known["event_types"])
    owner = account if isinstance(account, str) else account.decode()
    return WebhookEndpoint(id=endpoint_id.decode(), account=owner, **known)


def load_delivery(
    account: bytes, endpoint_id: bytes, kept: bytes, event_id: bytes, text: bytes
) -> Delivery:
    """Decode a delivery that was taken."""
    kind, response_id, created_at, attempt = text.decode().split(" ")
    event = WebhookEvent(event_id.decode(), kind, int(created_at), response_id)
    return Delivery(load_endpoint(account, endpoint_id, kept), event, int(attempt))


def dump_entry(entry: AttemptEntry) -> bytes:
    """Encode an entry of the delivery log."""
    return orjson.dumps(entry)


def load_entry(kept: bytes) -> AttemptEntry:
    """Decode an entry of the delivery log."""
    found = orjson.loads(kept).items()
    return AttemptEntry(**{name: each for name, each in found if name in _OF_ENTRY})


def response_of(text: bytes) -> str:
    """Return the id of the response that an event is about."""
    return text.split(b" ")[1].decode()
