"""Converts the response to a POST into WebSocket messages: the events of a stream, or one error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from app.schemas.wire.websocket.frames import refusal_line

_EVENT, _DATA = b"event: ", b"\ndata: "
#: Response headers that an error message repeats.
_VISIBLE = ("x-request-id", "retry-after", "x-should-retry", "x-budget-remaining")
_VISIBLE_PREFIXES = "x-ratelimit-"


def event_lines(piece: bytes, stream_id: str | None) -> list[bytes]:
    """Return the JSON of each event in a chunk of a stream; skip comments and `[DONE]`."""
    frames = [each for each in piece.split(b"\n\n") if each.startswith(_EVENT)]
    lines = [each[each.index(_DATA) + len(_DATA) :] for each in frames]
    if stream_id is None:
        return lines
    lane = b',"stream_id":"%b"}' % stream_id.encode()
    return [line[:-1] + lane for line in lines]


def refusal(
    status: int, body: bytes, headers: Iterable[tuple[str, str]], stream_id: str | None
) -> bytes:
    """Return the message for an error response."""
    visible = {name.lower(): value for name, value in headers if _is_visible(name.lower())}
    error: Mapping[str, object] = orjson.loads(body)["error"]
    return refusal_line(status, error, visible, stream_id)


def _is_visible(name: str) -> bool:
    return name in _VISIBLE or name.startswith(_VISIBLE_PREFIXES)
