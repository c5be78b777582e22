"""Events that callers send on a WebSocket, apart from a request's own parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event of a caller. `stream_id` names its lane, None for the one without a name.

    `generate` is false to have a request prepared but not answered. `response_id` is of the
    response that the event is about.
    """

    type: str
    stream_id: str | None = None
    generate: bool = True
    response_id: str | None = None
