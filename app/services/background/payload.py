"""A background request as bytes: all that a worker needs to answer it as its caller asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.domain.identity import RequestIdentity
from app.domain.items import Item
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.tools import FUNCTION_TOOL
from app.services.answering.history import Thread
from app.services.answering.preparation import PreparedRequest
from app.store.responses.base import Place, Turn


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a background request was prepared to. `admission` is what its limits have booked.

    `queued_at` is in Unix seconds. `identity` is what the request is called; an earlier release
    told none.
    """

    account: str
    key_id: str
    request: CreateRequest
    thread: Thread
    response: Response
    queued_at: float
    admission: str | None = None
    identity: RequestIdentity | None = None

    def turn(self, response: Response) -> Turn:
        """Return the turn that `response` makes of this request."""
        include = self.request.parameters.include
        return Turn(self.account, response, self.thread.own, include, self.thread.place)


def pack(
    prepared: PreparedRequest,
    body: Mapping[str, Any],
    queued_at: float,
    admission: str | None,
    identity: RequestIdentity | None = None,
) -> bytes:
    """Return the ticket of a request. `body` is its JSON as the caller sent it."""
    thread, place = prepared.thread, prepared.thread.place
    return orjson.dumps(
        {
            "account": prepared.caller.account,
            "key_id": prepared.caller.key_id,
            "body": {**body, "input": "in own"},
            "response": RESPONSE.dump(prepared.response),
            "items": _shown(thread.items),
            "own": _shown(thread.own),
            "place": place and [place.log, place.depth],
            "tools": [FUNCTION_TOOL.dump(tool) for tool in thread.tools],
            "queued_at": queued_at,
            "admission": admission,
            "identity": identity and list(identity),
        }
    )


def unpack(ticket: bytes) -> Ticket:
    """Return what `pack` packed."""
    told = orjson.loads(ticket)
    response = RESPONSE.load(told["response"])
    # What was unsupported has been refused or dropped when it came.
    request = CREATE_REQUEST.load(told["body"], context=ReadContext(drops_unsupported=True))
    own = _items(told["own"])
    return Ticket(
        account=told["account"],
        key_id=told["key_id"],
        request=replace(request, input=own),
        thread=Thread(
            response.id,
            items=_items(told["items"]),
            own=own,
            place=told["place"] and Place(*told["place"]),
            tools=tuple(FUNCTION_TOOL.load(tool) for tool in told["tools"]),
        ),
        response=response,
        queued_at=told["queued_at"],
        admission=told["admission"],
        identity=RequestIdentity(*told["identity"]) if told.get("identity") else None,
    )


def _shown(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    return ITEM.dump_all(items)


def _items(shown: list[dict[str, Any]]) -> tuple[Item, ...]:
    return tuple(ITEM.load_all(shown))
