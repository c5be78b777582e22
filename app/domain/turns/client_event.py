"""What callers say on a WebSocket beside a request's own parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event of a caller's. `stream_id` names its lane, None for the one without a name.

    `generate` false wants a request prepared and not answered. `response_id` is of the response
    that is meant.
    """

    type: str
    stream_id: str | None = None
    generate: bool = True
    response_id: str | None = None
