"""Serializes events: as lines of JSON, which logs store, and as frames, which streams send.

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"delta":"Hel",...}

Nearly all events of a stream are deltas, so the two plainest are written from templates. MEASURED:
they take 0.47 and 0.42 µs, while schema and JSON writer take 0.65 and 0.46.
tests/schemas/test_stored_events.py checks that both give the same JSON.
"""

from __future__ import annotations

import orjson

from app.domain.stream.events import ArgumentsDelta, Event, TextDelta
from app.schemas.wire.events import EVENT

_TEXT_DELTA = (
    b'{"type":"response.output_text.delta","sequence_number":%d,"item_id":"%b",'
    b'"output_index":%d,"content_index":%d,"delta":%b,"logprobs":[]}'
)
_FRAME = b"event: %b\ndata: %b\n\n"
_TEXT_FRAME = _FRAME % (TextDelta.type.encode(), _TEXT_DELTA)


def encode(event: Event) -> bytes:
    """Return an event as one line of JSON, without the line end."""
    if type(event) is TextDelta and not event.logprobs:
        return _TEXT_DELTA % _values(event)
    if type(event) is ArgumentsDelta:
        return (
            b'{"type":"response.function_call_arguments.delta","sequence_number":%d,'
            b'"item_id":"%b","output_index":%d,"delta":%b}'
            % (
                event.sequence_number,
                event.item_id.encode(),
                event.output_index,
                orjson.dumps(event.delta),
            )
        )
    return orjson.dumps(EVENT.dump(event))


def frame(event: Event) -> bytes:
    """Return an event as a frame of text/event-stream."""
    # MEASURED: nearly all are this one; in one step it takes 2 µs less if 50 streams alternate.
    if type(event) is TextDelta and not event.logprobs:
        return _TEXT_FRAME % _values(event)
    return _FRAME % (event.type.encode(), encode(event))


def _values(event: TextDelta) -> tuple[int, bytes, int, int, bytes]:
    """Return the values for the text template."""
    return (
        event.sequence_number,
        event.item_id.encode(),
        event.output_index,
        event.content_index,
        orjson.dumps(event.delta),
    )


def decode(line: bytes) -> Event:
    """Return the event of a line written by `encode`. Raises ValueError for other JSON."""
    return EVENT.load(orjson.loads(line))
