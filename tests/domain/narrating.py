"""What the narrator's tests share: a narrator that counts its ids, and a whole telling."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from app.domain.request import CreateRequest
from app.domain.response import Response, Status
from app.domain.stream.deltas import Delta
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.errors import GatewayError
from app.schemas.wire.echo import echo


def narrator(status: Status = "in_progress") -> Narrator:
    """Return a narrator whose item ids are prefix_0, prefix_1, …"""
    numbers = count()
    response = Response("resp_1", "m", 1, echo(CreateRequest(model="m", input=())), status)
    return Narrator(response, lambda prefix: f"{prefix}_{next(numbers)}", lambda: 2)


def narrated(deltas: Iterable[Delta], teller: Narrator | None = None) -> list[Event]:
    """Tell a whole stream; what the narrator objects to ends it as failed."""
    teller = teller or narrator()
    events = teller.begin()
    try:
        for delta in deltas:
            events += teller.hear([delta])
    except GatewayError as error:
        return events + teller.fail(error)
    return events + teller.finish()
