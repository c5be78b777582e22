"""Reads a stream line by line and finds its first fault: framing, an event's form, or the order."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar
from app.stream_check.item_grammar import Breach, Json, require

DONE = b"[DONE]"


class StreamBreach(Exception):
    """The first fault of a stream; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def check_stream(lines: Iterable[bytes], *, first_number: int = 0) -> int:
    """Return the number of events in a valid stream.

    `lines` include their line ends. `first_number` is the first event's sequence number if the
    stream continues another (`starting_after`).

    Raises:
        StreamBreach: the first line that breaks a rule; the line after the last one if the
            stream ends too early.
    """
    checker = _Checker(first_number)
    number = 0
    for number, line in enumerate(lines, start=1):
        try:
            checker.take(line)
        except Breach as breach:
            raise StreamBreach(number, str(breach)) from None
    try:
        checker.end()
    except Breach as breach:
        raise StreamBreach(number + 1, str(breach)) from None
    return checker.events


class _Checker:
    def __init__(self, first_number: int) -> None:
        self.events = 0
        self._grammar = Grammar(first_number)
        self._name: bytes | None = None
        self._data: bytes | None = None
        self._comment = False
        self._done = False

    def take(self, line: bytes) -> None:
        require(line.endswith(b"\n"), "the line does not end: the stream was cut")
        require(b"\r" not in line, "lines must end in LF alone")
        line = line[:-1]
        if not line:
            self._end_frame()
            return
        require(not self._done, "nothing may follow [DONE]")
        field, _, value = line.partition(b": ")
        match field:
            case b"":
                self._comment = True
            case b"event":
                require(self._name is None, "a frame has two event lines")
                self._name = value
            case b"data":
                require(self._data is None, "a frame has two data lines")
                self._data = value
            case _:
                raise Breach(f"a frame has no field {field[:32].decode(errors='replace')!r}")

    def _end_frame(self) -> None:
        name, data, comment = self._name, self._data, self._comment
        self._name, self._data, self._comment = None, None, False
        if data is None:
            require(comment and name is None, "a frame has no data")
            return
        if data == DONE:
            require(name is None, "[DONE] has no event line")
            require(self._grammar.ended, "[DONE] before a terminal event")
            self._done = True
            return
        event = _parsed(data)
        faults = EVENT.validate(event)
        require(not faults, f"{event.get('type')}: {faults}")
        require(name == event["type"].encode(), "the event line is not the event's type")
        self._grammar.take(event)
        self.events += 1

    def end(self) -> None:
        require(self._name is None and self._data is None, "the stream ends inside a frame")
        require(self._grammar.ended, "the stream ends without a terminal event")
        require(self._done, "the stream ends without [DONE]")


def _parsed(data: bytes) -> Json:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Breach(f"the data is not JSON: {error}") from None
    require(isinstance(event, dict), "the data is not a JSON object")
    parsed: Json = event
    return parsed
