"""Events -> text/event-stream: one write for all that one read of the upstream brought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.domain.events import Event
from app.schemas.events import encode

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def frames(batches: Iterable[list[Event]]) -> Iterator[bytes]:
    """Yield the stream's bytes; an empty batch is silence and becomes a comment (A1)."""
    for batch in batches:
        yield b"".join([frame(event) for event in batch]) if batch else KEEP_ALIVE
    yield DONE


def frame(event: Event) -> bytes:
    """Return one event as one frame, its blank line included."""
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), encode(event))


def line_frames(batches: Iterable[list[bytes]]) -> Iterator[bytes]:
    """Yield the stream's bytes from events that are JSON lines already."""
    for batch in batches:
        yield b"".join([_line_frame(line) for line in batch]) if batch else KEEP_ALIVE
    yield DONE


def _line_frame(line: bytes) -> bytes:
    _, _, _, event_type, _ = line.split(b'"', 4)  # {"type":"…",
    return b"event: %b\ndata: %b\n\n" % (event_type, line)
