"""Encodes and decodes the payload of a background response.

It is JSON. Earlier and later releases use the same names:

    {"account": "acme", "key_id": "key_1", "body": {"model": "m", "input": "in own"},
     "response": {"id": "resp_…", "status": "queued", …}, "items": [{"type": "message", …}],
     "own": [{"type": "message", …}], "place": ["0", 3], "tools": [], "added": [],
     "update": null, "replaced": [], "compaction": null, "queued_at": 1893456000.5,
     "admission": null, "identity": ["req_…", …], "passed": [["moderation"], []]}

`items` are the conversation, `replaced` the indexes of those that the model shall not see, `own`
those that the request brings (the body's input, with ids), and `place` is its parent's position,
null for none; `added` are the tools that items have brought, `update` is what they have changed of
the configuration; `compaction` says how the request asked for one. `passed` are the fields and
tools that its provider was to be sent unchanged when the request came (P1, P2). If the caller had a
token, `permissions` follow. With a key, all of it is compressed and sealed (store/codec.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import orjson

from app.domain.accounts.content_key import ContentKey
from app.domain.answer_options import ConfigurationUpdate
from app.domain.hosted.policy import PassPolicy
from app.domain.identity import RequestIdentity
from app.domain.items import Compaction, Item
from app.domain.response import Response
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.turn import Position, Thread
from app.schemas.field import AddedTool, ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.tools import FUNCTION_TOOL, TOOL
from app.store.accounts.codec import dump_permissions, load_permissions
from app.store.codec import Codec
from app.store.encryption import seal_of
from app.store.room import Room, unbounded

_PART = b"job"
_codec = Codec()


def dump_payload(payload: JobPayload) -> bytes:
    """Encode a payload."""
    return packed_payload(payload, payload_json(payload))


def packed_payload(payload: JobPayload, data: bytes) -> bytes:
    """Return a payload's JSON as it is stored."""
    if payload.key is None:
        return data
    return _codec.pack(data, seal_of(payload.key, payload.response.id, _PART))


def payload_json(payload: JobPayload) -> bytes:
    """Return a payload as JSON."""
    thread, position, identity = payload.thread, payload.thread.position, payload.identity
    passed = payload.request.passed
    return orjson.dumps(
        {
            "account": payload.account,
            "key_id": payload.key_id,
            "body": {**payload.body, "input": "in own"},
            "response": RESPONSE.dump(payload.response),
            "items": ITEM.dump_all(thread.items),
            "own": ITEM.dump_all(thread.own),
            "place": position and [position.log, position.depth],
            "tools": [FUNCTION_TOOL.dump(tool) for tool in thread.tools],
            "added": TOOL.dump_all(thread.added),
            "update": thread.update and ITEM.dump(thread.update),
            "replaced": sorted(thread.replaced),
            "compaction": payload.request.compaction,
            "queued_at": payload.queued_at,
            "admission": payload.charge,
            "identity": identity and list(identity),
            "passed": [sorted(passed.forward), sorted(passed.hosted_tools)],
            "user_hash": payload.user_hash,
            **_permissions(payload),
        }
    )


def load_payload(
    raw: bytes, response_id: str = "", key: ContentKey | None = None, room: Room = unbounded
) -> JobPayload:
    """Decode a payload; one that is encrypted is opened with the key, once there is room."""
    if key is not None:
        raw = _codec.unpack(raw, seal_of(key, response_id, _PART), room)
    fields = orjson.loads(raw)
    response = RESPONSE.load(fields["response"])
    # Unsupported fields were refused or dropped when the request came.
    added = tuple(TOOL.load_all(fields.get("added", ())))  # an earlier release has none
    context = ReadContext(
        drops_unsupported=True,
        was_taken=True,
        policy=PassPolicy(*map(frozenset, fields.get("passed", ()))),  # an earlier release has none
    )
    context.added_tools.extend(map(AddedTool, added))
    request = CREATE_REQUEST.load(fields["body"], context=context)
    items = tuple(ITEM.load_all(fields["items"]))
    own = items[fields["own"] :] if _is_place(fields["own"]) else _loaded(fields["own"])
    given = fields.get("permissions")
    update = fields.get("update")  # an earlier release has none
    return JobPayload(
        account=fields["account"],
        key_id=fields["key_id"],
        body=fields["body"],
        request=replace(request, input=own, compaction=fields.get("compaction")),
        thread=Thread(
            response.id,
            items=items,
            own=own,
            position=fields["place"] and Position(*fields["place"]),
            tools=tuple(FUNCTION_TOOL.load(tool) for tool in fields["tools"]),
            added=added,
            update=cast("ConfigurationUpdate | None", update and ITEM.load(update)),
            has_compactions=any(isinstance(each, Compaction) for each in items),
            replaced=frozenset(fields.get("replaced", ())),
        ),
        response=response,
        queued_at=fields["queued_at"],
        charge=fields["admission"],
        identity=RequestIdentity(*fields["identity"]) if fields.get("identity") else None,
        permissions=load_permissions(given) if given else None,
        user_hash=fields.get("user_hash", ""),  # an earlier release has none
        key=key,
    )


def load_pending(
    raw: bytes, response_id: str, key: ContentKey | None
) -> tuple[Response, tuple[Item, ...], Position | None]:
    """Return a payload's response, the items that its request brings, and its parent's position."""
    if key is not None:
        raw = _codec.unpack(raw, seal_of(key, response_id, _PART))
    fields = orjson.loads(raw)
    own = fields["own"]
    own = _loaded(fields["items"][own:] if _is_place(own) else own)
    place = fields["place"] and Position(*fields["place"])
    return RESPONSE.load(fields["response"]), own, place


def _is_place(own: object) -> bool:
    """Tell whether a payload says only at which item its own ones begin.

    This release writes its own items again, pictures too: the release before reads nothing else.
    The next may write where they begin, if they are the last (durability.md, two releases).
    """
    return isinstance(own, int)


def _loaded(items: Sequence[Any]) -> tuple[Item, ...]:
    return tuple(ITEM.load_all(items))


def _permissions(payload: JobPayload) -> dict[str, Any]:
    """Return a token's permissions; nothing for a key."""
    if payload.permissions is None:
        return {}
    return {"permissions": dump_permissions(payload.permissions)}
