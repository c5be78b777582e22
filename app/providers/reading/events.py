"""Reading JSON, whole or in events: what the formats with typed events share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from app.domain.stream.deltas import Delta
from app.errors import GatewayError, UpstreamMisbehaved
from app.providers.reading.fields import mapping
from app.providers.reading.json_text import SurrogateJoiner, loads
from app.providers.reading.sse import Frame

Json = dict[str, Any]
#: Makes our error of what a server puts under `error`.
Fault = Callable[[object], GatewayError]

_DONE = b"[DONE]"
#: Other events than those named .delta that come between two pieces of a text, or are one.
_PIECES = ("content_block_delta", "ping", "keepalive", "")


class Answer(Protocol):
    """What a format makes of one answer; Misread, a ValueError, says that it is nonsense."""

    @property
    def is_done(self) -> bool:
        """Whether the last event has come."""
        ...

    def event(self, event: Json) -> list[Delta]:
        """Return what the next event of a stream says."""
        ...

    def whole(self, body: Json) -> list[Delta]:
        """Return what a whole body says."""
        ...

    def end(self) -> list[Delta]:
        """Return what is left to say where [DONE] came, or nothing where the end has been told."""
        ...

    def over(self) -> list[Delta]:
        """Return what is left to say of a stream that just ended."""
        ...


class EventReader:
    """Reads the events of one streamed answer. Implements streaming.FrameReader."""

    def __init__(self, answer: Answer) -> None:
        self.is_done = False
        self._answer = answer
        self._json = SurrogateJoiner()

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Add what the frames say; an event without a type has its frame's name.

        Raises:
            UpstreamMisbehaved: for a frame that is no event.
            GatewayError: for an error in the stream.
        """
        answer = self._answer
        for name, data in frames:
            if not data.strip():
                continue
            try:
                if data == _DONE:
                    for left in self._json.all_left():
                        deltas += answer.event(left)
                    deltas += answer.end()
                    self.is_done = True
                    continue
                if (shown := self._json.loads(data)) is None:
                    continue
                event = mapping(shown)
                if name == "error" and event.get("type") != name and "error" not in event:
                    event = {"type": name, "error": event}  # llama.cpp's is the error itself
                if not isinstance(event.get("type"), str):
                    event["type"] = name
                if self._json.is_waiting:
                    self._end_halves(event, deltas)
                deltas += answer.event(event)
            except ValueError as error:
                raise _nonsense() from error
            self.is_done = self.is_done or answer.is_done

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        if self.is_done:
            return []
        deltas: list[Delta] = []
        for left in self._json.all_left():
            deltas += self._answer.event(left)
        return deltas + self._answer.over()

    def _end_halves(self, event: Json, deltas: list[Delta]) -> None:
        """Tell what is left of texts that do not go on: in a delta they may, nowhere else.

        What a whole text ends with is part of it.
        """
        kind = event["type"]
        if kind.endswith(".delta") or kind in _PIECES:
            return
        for left in self._json.left():
            deltas += self._answer.event(left)
        event.update(self._json.finished(event))


def body_deltas(body: bytes, answer: Answer) -> list[Delta]:
    """Return what a whole answer says, ending with Finished.

    Raises:
        UpstreamMisbehaved: when it is no answer.
        GatewayError: for an error in its place.
    """
    try:
        return answer.whole(mapping(loads(body)))
    except ValueError as error:
        raise _nonsense() from error


def _nonsense() -> UpstreamMisbehaved:
    return UpstreamMisbehaved("the upstream sent what is no answer in its format", work_done=True)
