"""Events -> text/event-stream: one write for all that one read of the upstream brought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from app.api.lean import Answer
from app.domain.events import Event
from app.schemas.events import encode

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def answer(told: Iterator[bytes], headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer that a stream is."""
    return Answer(told, headers={**HEADERS, **(headers or {})}, content_type=CONTENT_TYPE)


def frames(batches: Iterable[list[Event]]) -> Iterator[bytes]:
    """Yield the stream's bytes; an empty batch is silence and becomes a comment (A1)."""
    for batch in batches:
        told = []
        for event in batch:
            told.append(b"event: %b\ndata: %b\n\n" % (event.type.encode(), encode(event)))
        yield b"".join(told) if told else KEEP_ALIVE
    yield DONE


def line_frames(batches: Iterable[list[bytes]]) -> Iterator[bytes]:
    """Yield the stream's bytes from events that are JSON lines already."""
    for batch in batches:
        yield b"".join([_line_frame(line) for line in batch]) if batch else KEEP_ALIVE
    yield DONE


def _line_frame(line: bytes) -> bytes:
    _, _, _, event_type, _ = line.split(b'"', 4)  # {"type":"…",
    return b"event: %b\ndata: %b\n\n" % (event_type, line)
