"""Events -> text/event-stream: one write for all that one read of the upstream brought.

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
    """Return the response that a stream is."""
    return WSGIResponse(pieces, headers={**HEADERS, **(headers or {})}, content_type=CONTENT_TYPE)


class Push(Protocol):
    """A server's way to send a piece of a stream before it is asked for the next."""

    @property
    def is_clear(self) -> bool:
        """Whether a piece can be sent at once."""
        ...

    def push(self, piece: bytes) -> None:
        """Send a piece, after all that was given before."""
        ...


class Stream(Generic[T]):
    """The bytes of batches of events; an empty batch is silence and becomes a comment (A1).

    However the stream ends, `over` is called. Where nobody takes it to its end, `carry_on` is given
    what is left and `over`, if it is there.
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
        #: Whether the server has taken all of it.
        self.is_sent = False

    def __iter__(self) -> Iterator[bytes]:
        # MEASURED: as generators around generators, this was an eighth of what a paced event costs.
        return chain(map(self._frames, self._batches), self._last())

    def _last(self) -> Iterator[bytes]:
        yield DONE
        self.is_sent = True  # what is asked for more has sent this

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
    """Return what pushes text on as soon as it comes, by the server's own way.

    MEASURED: of 50 paced streams an event takes a third less CPU, since nobody has to be woken.
    """

    def push_text(batch: Batch) -> bool:
        events = run.events_at_once(batch) if push.is_clear else ()
        if events:
            push.push(frames(events))
        return bool(events)

    return push_text


def fault_events(follower: Follower, faults: Sequence[GatewayError]) -> Iterator[Sequence[bytes]]:
    """Yield the fault that cut a follower short, if one did, as an event.

    It has the last event's number, so that who goes on behind it misses none.
    """
    for fault in faults[:1]:
        number = max(0, follower.last)
        yield [encode(ErrorRaised(number, fault.type, fault.code, fault.message, fault.param))]


def frames(events: Sequence[Event]) -> bytes:
    """Return a batch of events as it goes over the wire."""
    if not events:
        return KEEP_ALIVE
    return frame(events[0]) if len(events) == 1 else b"".join(map(frame, events))


def line_frames(lines: Sequence[bytes]) -> bytes:
    """Return a batch of events that are JSON lines already as it goes over the wire."""
    return b"".join([_line_frame(line) for line in lines]) if lines else KEEP_ALIVE


def _line_frame(line: bytes) -> bytes:
    _, _, _, event_type, _ = line.split(b'"', 4)  # {"type":"…",
    return b"event: %b\ndata: %b\n\n" % (event_type, line)
