"""Read answers in JSON, whole or as events, for the formats with typed events. Pure.

Messages and Responses name each event, in the JSON itself or in the frame:

    event: content_block_delta
    data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from app.domain.stream.deltas import Delta
from app.errors import GatewayError
from app.providers.reading.chunk_template import ChunkTemplate
from app.providers.reading.fields import mapping, unreadable
from app.providers.reading.json_text import Misread, SurrogateJoiner, loads
from app.providers.reading.sse import DONE, Frame, odd_frame

Json = dict[str, Any]
#: Returns the gateway error for the value of an `error` field.
Fault = Callable[[object], GatewayError]

#: Events, besides those named *.delta, that are a piece of a text or may come between two pieces.
_PIECES = ("content_block_delta", "ping", "keepalive", "")


class EventInterpreter(Protocol):
    """A format's interpreter of one answer's events. Methods raise Misread for malformed ones."""

    @property
    def is_done(self) -> bool:
        """Whether the last event has come."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete; see pieces.AnswerReader."""
        ...

    def event(self, event: Json, deltas: list[Delta]) -> None:
        """Append the deltas of the next event of a stream."""
        ...

    def whole(self, body: Json, deltas: list[Delta]) -> None:
        """Append the deltas of a whole body."""
        ...

    def end(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas at [DONE], none if the last event came before it.

        Raises:
            UpstreamMisbehaved: no answer has begun.
        """
        ...

    def over(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas of a stream that ended without [DONE]."""
        ...


class EventReader:
    """Reads one answer in JSON, whole or in events. Implements pieces.AnswerReader."""

    def __init__(self, interpreter: EventInterpreter) -> None:
        self.is_done = False
        self.template = ChunkTemplate()  # learns nothing: each event is interpreted
        self._interpreter = interpreter
        self._json = SurrogateJoiner()

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete."""
        return self._interpreter.may_end

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Append the deltas of the frames; an event without a type gets its frame's name.

        Raises:
            UpstreamMisbehaved: a frame is not a readable event.
            GatewayError: the stream contains an error.
        """
        interpreter = self._interpreter
        for name, data in frames:
            if self.is_done or not data.strip():
                continue  # frames after the end are ignored
            try:
                if data == DONE:
                    self._finish(deltas)
                    continue
                if (parsed := self._json.loads(data)) is None:
                    continue
                event = mapping(parsed)
                if name == "error" and event.get("type") != name and "error" not in event:
                    event = {"type": name, "error": event}  # llama.cpp sends the bare error
                if not isinstance(event.get("type"), str):
                    event["type"] = name
                if self._json.is_waiting:
                    self._end_halves(event, deltas)
                interpreter.event(event, deltas)
            except Misread as error:
                self._read_odd(name, data, deltas, error)
            if interpreter.is_done:
                self.is_done = True

    def end(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas once the stream has ended."""
        if not self.is_done:
            for left in self._json.all_left():
                self._interpreter.event(left, deltas)
            self._interpreter.over(deltas)

    def whole(self, body: bytes, deltas: list[Delta]) -> None:
        """Append the deltas of a whole answer, ending with Finished.

        Raises:
            UpstreamMisbehaved: it cannot be read as an answer.
            GatewayError: it is an error instead.
        """
        try:
            self._interpreter.whole(mapping(loads(body)), deltas)
        except Misread as error:
            raise unreadable(error) from error

    def _finish(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas when the server marks the end of the stream."""
        for left in self._json.all_left():
            self._interpreter.event(left, deltas)
        self._interpreter.end(deltas)
        self.is_done = True

    def _read_odd(self, name: str, data: bytes, deltas: list[Delta], error: Misread) -> None:
        """Append the deltas of a frame that is not an event. Raises as `read` does."""
        match odd_frame(name, data):
            case "end":
                self._finish(deltas)
            case "error":
                message = data.decode("utf-8", "replace")
                self._interpreter.event({"type": name, "error": {"message": message}}, deltas)
            case "idle":
                pass
            case None:
                raise unreadable(error) from error

    def _end_halves(self, event: Json, deltas: list[Delta]) -> None:
        """Replace surrogate halves whose texts do not continue after this event.

        A text may continue after a delta, or after an event that comes between deltas; any other
        event is complete, so a half at the end of its texts stays unpaired.
        """
        kind = event["type"]
        if kind.endswith(".delta") or kind in _PIECES:
            return
        for left in self._json.left():
            self._interpreter.event(left, deltas)
        event.update(self._json.finished(event))
