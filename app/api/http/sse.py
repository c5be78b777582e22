"""Serializes events as text/event-stream: one write for the events of one upstream read.

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"delta":"Hel",...}

data: [DONE]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, Protocol, TypeVar

from app.api.http.response import WSGIResponse
from app.domain.stream.deltas import Batch, close_batches
from app.domain.stream.events import ErrorRaised, Event
from app.errors import GatewayError
from app.schemas.wire.event_lines import encode, frame
from app.services.answering.run import Run
from app.services.responses.following import Follower

T = TypeVar("T")

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def stream_response(
    pieces: Iterable[bytes], headers: Mapping[str, str] | None = None
) -> WSGIResponse:
    """Return the HTTP response that sends a stream."""
    return WSGIResponse(pieces, headers={**HEADERS, **(headers or {})}, content_type=CONTENT_TYPE)


class Push(Protocol):
    """A server's way to send a chunk of a stream before it asks for the next."""

    @property
    def is_clear(self) -> bool:
        """Whether a chunk can be sent without waiting."""
        ...

    def push(self, piece: bytes) -> None:
        """Send a chunk after all that the server was given before."""
        ...


class Stream(Generic[T]):
    """Batches of events as bytes; an empty batch means silence and becomes a comment (A1).

    `over` is called however the stream ends. If it is closed early and `carry_on` is given, that is
    called with the remaining batches and `over` instead.
    """

    def __init__(
        self,
        batches: Iterable[Sequence[T]],
        frames: Callable[[Sequence[T]], bytes],
        over: Callable[[], None],
        carry_on: Callable[[Iterator[Sequence[T]], Callable[[], None]], None] | None = None,
    ) -> None:
        self._batches = iter(batches)
        self._frames = frames
        self._over = over
        self._carry_on = carry_on
        #: Whether the server has consumed the whole stream.
        self.is_sent = False

    def __iter__(self) -> Iterator[bytes]:
        # MEASURED: as nested generators, this was an eighth of the cost of a paced event.
        return chain(map(self._frames, self._batches), self._last())

    def _last(self) -> Iterator[bytes]:
        yield DONE
        self.is_sent = True  # asked for more, the server has sent this

    def close(self) -> None:
        """End the stream."""
        carry_on, self._carry_on = self._carry_on, None
        if carry_on is not None and not self.is_sent:
            carry_on(self._batches, self._over)
            return
        try:
            close_batches(self._batches)
        finally:
            self._over()


def relay(run: Run, push: Push) -> Callable[[Batch], bool]:
    """Return a function that sends text events as soon as they arrive, through the server's push.

    MEASURED: of 50 paced streams an event takes a third less CPU, since no thread is woken.
    """

    def push_text(batch: Batch) -> bool:
        events = run.events_at_once(batch) if push.is_clear else ()
        if events:
            push.push(frames(events))
        return bool(events)

    return push_text


def fault_events(follower: Follower, faults: Sequence[GatewayError]) -> Iterator[Sequence[bytes]]:
    """Yield the fault that interrupted a follower, if any, as an event.

    It repeats the last event's number, so that a client that resumes after it misses none.
    """
    for fault in faults[:1]:
        number = max(0, follower.last)
        yield [encode(ErrorRaised(number, fault.type, fault.code, fault.message, fault.param))]


def frames(events: Sequence[Event]) -> bytes:
    """Return a batch of events as server-sent events."""
    if not events:
        return KEEP_ALIVE
    return frame(events[0]) if len(events) == 1 else b"".join(map(frame, events))


def line_frames(lines: Sequence[bytes]) -> bytes:
    """Return a batch of events, already encoded as JSON, as server-sent events."""
    return b"".join([_line_frame(line) for line in lines]) if lines else KEEP_ALIVE


def _line_frame(line: bytes) -> bytes:
    _, _, _, event_type, _ = line.split(b'"', 4)  # {"type":"…",
    return b"event: %b\ndata: %b\n\n" % (event_type, line)
