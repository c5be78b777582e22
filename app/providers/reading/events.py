"""Reading JSON, whole or in events: what the formats with typed events share. Pure.

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
#: Makes our error of what a server puts under `error`.
Fault = Callable[[object], GatewayError]

#: Events, besides those named .delta, that are a piece of a text or come between two of them.
_PIECES = ("content_block_delta", "ping", "keepalive", "")


class EventInterpreter(Protocol):
    """What a format makes of the events of one answer. Each method raises Misread for nonsense."""

    @property
    def is_done(self) -> bool:
        """Whether the last event has come."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether the answer is whole should it end here; see pieces.AnswerReader."""
        ...

    def event(self, event: Json) -> list[Delta]:
        """Return what the next event of a stream says."""
        ...

    def whole(self, body: Json) -> list[Delta]:
        """Return what a whole body says."""
        ...

    def end(self) -> list[Delta]:
        """Return what is left to say where [DONE] came, or nothing where the end came before."""
        ...

    def over(self) -> list[Delta]:
        """Return what is left to say of a stream that just ended."""
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
        """Whether the answer is whole should it end here."""
        return self._interpreter.may_end

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Add what the frames say; an event without a type has its frame's name.

        Raises:
            UpstreamMisbehaved: for a frame that is no event.
            GatewayError: for an error in the stream.
        """
        interpreter = self._interpreter
        for name, data in frames:
            if self.is_done or not data.strip():
                continue  # what follows the end is no part of it
            try:
                if data == DONE:
                    self._finish(deltas)
                    continue
                if (parsed := self._json.loads(data)) is None:
                    continue
                event = mapping(parsed)
                if name == "error" and event.get("type") != name and "error" not in event:
                    event = {"type": name, "error": event}  # llama.cpp's is the error itself
                if not isinstance(event.get("type"), str):
                    event["type"] = name
                if self._json.is_waiting:
                    self._end_halves(event, deltas)
                deltas += interpreter.event(event)
            except Misread as error:
                self._read_odd(name, data, deltas, error)
            if interpreter.is_done:
                self.is_done = True

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        if self.is_done:
            return []
        deltas: list[Delta] = []
        for left in self._json.all_left():
            deltas += self._interpreter.event(left)
        return deltas + self._interpreter.over()

    def whole(self, body: bytes) -> list[Delta]:
        """Return what a whole answer says, ending with Finished.

        Raises:
            UpstreamMisbehaved: when it is no answer.
            GatewayError: for an error in its place.
        """
        try:
            return self._interpreter.whole(mapping(loads(body)))
        except Misread as error:
            raise unreadable(error) from error

    def _finish(self, deltas: list[Delta]) -> None:
        """Add what is left to say where the server says that this was all."""
        for left in self._json.all_left():
            deltas += self._interpreter.event(left)
        deltas += self._interpreter.end()
        self.is_done = True

    def _read_odd(self, name: str, data: bytes, deltas: list[Delta], error: Misread) -> None:
        """Add what a frame says that is no event. Raises as `read` does."""
        match odd_frame(name, data):
            case "end":
                self._finish(deltas)
            case "error":
                message = data.decode("utf-8", "replace")
                deltas += self._interpreter.event({"type": name, "error": {"message": message}})
            case "idle":
                pass
            case None:
                raise unreadable(error) from error

    def _end_halves(self, event: Json, deltas: list[Delta]) -> None:
        """Complete halves of characters whose texts do not go on after this event.

        In a delta, or an event that comes between deltas, a text may go on; any other event is
        whole, and so is a half that it ends with.
        """
        kind = event["type"]
        if kind.endswith(".delta") or kind in _PIECES:
            return
        for left in self._json.left():
            deltas += self._interpreter.event(left)
        event.update(self._json.finished(event))
