"""Read one answer piece by piece, wherever the reads of its connection cut it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from app.domain.slices import MOMENT_S
from app.domain.stream.deltas import Batch, Delta, Text, note_output
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.providers.reading.budget import Budget
from app.providers.reading.chunk_template import ChunkTemplate
from app.providers.reading.sse import Frame, FrameSplitter

#: Bytes of a piece that are read in one go: a piece that was compressed may be far longer.
MOST_AT_ONCE = 64 * 1024
#: Bytes that may precede an answer: blanks, and a byte order mark.
BLANKS = b" \t\r\n\xef\xbb\xbf"
#: Beginnings of the lines of an event stream.
FIELDS = (b"data:", b"event:", b":", b"id:", b"retry:")

#: Beginnings of JSON: any value is read as an answer, if only to report that it is none.
_JSON = re.compile(rb'[{\["]|(?:null|true|false)\s*$')
#: An object's end and, on a later line, the start of another or of an event: never in one object.
_NEXT_LINE = re.compile(rb"\}[ \t\r]*\n[ \t\r\n]*(?:\{|data:|event:)")
#: Bytes before a piece of a whole answer that are searched together with it.
_SEAM = 64


class WebPage(Exception):
    """The body is a web page instead of an answer, whatever its Content-Type."""


def refuse_page(start: bytes) -> None:
    """Raise WebPage if the body's start is that of a web page."""
    if start.startswith(b"<"):
        raise WebPage


def is_of_lines(body: bytes) -> bool:
    """Tell whether a body that begins with a JSON object is several, one per line (NDJSON)."""
    return _NEXT_LINE.search(body) is not None


def as_frames(lines: bytes) -> bytes:
    """Return lines of JSON as blocks of an event stream, so that each line is a frame."""
    return lines.replace(b"\n", b"\n\n")


class AnswerReader(Protocol):
    """A format's reader of one answer, streamed or whole; each answer has its own."""

    @property
    def is_done(self) -> bool:
        """Whether the format's last frame has been read: what follows is ignored."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete: it has a finish reason, or its counts."""
        ...

    @property
    def template(self) -> ChunkTemplate:
        """The template of text chunks learned so far; chunks that match need not go to `read`."""
        ...

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Append the deltas of these frames, including those before a failure.

        Raises:
            GatewayError: the upstream reports a failure, or a frame cannot be read.
        """
        ...

    def end(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas once the stream has ended.

        Raises:
            UpstreamMisbehaved: it marked its end, but contained no answer.
            GatewayError: as `read` does.
        """
        ...

    def whole(self, body: bytes, deltas: list[Delta]) -> None:
        """Append the deltas of a whole answer, ending with Finished. Raises as `read` does."""
        ...


class PieceReader:
    """Reads one answer piece by piece: `deltas` are those of the latest piece, not yet yielded.

    `long_piece` is the latest piece if it is too long to be read in one go. A server may send a
    whole answer although a stream was requested: it begins like JSON, as does only one kind of
    stream, a JSON object per line. `is_stream` is true once a stream of either kind has begun.
    """

    def __init__(self, reader: AnswerReader, call: UpstreamCall, budget: Budget) -> None:
        self.deltas: list[Delta] = []
        self.long_piece = b""
        self.is_stream = False
        self._reader = reader
        self._template = reader.template
        self._call = call
        self._budget = budget
        self._splitter = FrameSplitter()
        self._is_blank = True  # nothing but blanks has come yet
        self._body: list[bytes] | None = None  # the pieces of a whole answer
        self._seam = b""  # its last bytes
        self._is_of_lines = False  # it is a stream of JSON lines
        self._yielded_at = time.monotonic()

    def take(self, piece: bytes) -> bool:
        """Read a piece as soon as it arrives; return whether the loop can skip it. Never blocks.

        It can if the piece brought no deltas, or if `call.relay` took them all.

        Raises:
            GatewayError: as AnswerReader.read does, and if the answer is too long.
            WebPage: it is a web page.
        """
        if len(piece) > MOST_AT_ONCE:
            self.deltas, self.long_piece = [], piece
            return False
        if self._splitter.is_between and (text := self._template.text_of(piece)):
            self.deltas = []  # deltas beyond the limits are not passed on
            deltas: list[Delta] = [Text(text)]
            self._budget.take(deltas)
            self.deltas = deltas
        else:
            deltas = self.read(piece)
        if self._reader.is_done:
            return False
        if not deltas:
            return not self.is_silent()
        relay = self._call.relay
        if relay is None or not relay(deltas):
            return False
        self.deltas, self._yielded_at = [], time.monotonic()
        return True

    def read(self, piece: bytes) -> list[Delta]:
        """Return the deltas of a piece. Raises as `take` does."""
        deltas = self.deltas = []
        if self._is_blank:
            self._begin(piece)
        if self._body is not None:
            self._body.append(piece)
            latest = self._seam + piece
            self._seam = latest[-_SEAM:]
            if not is_of_lines(latest):
                self._budget.read(len(piece))
                return deltas
            piece, self._body = b"".join(self._body), None
            self._is_of_lines = self.is_stream = True
        if self._is_of_lines:
            piece = as_frames(piece)
        frames = self._splitter.feed(piece)
        self.is_stream = self.is_stream or bool(frames)
        self._reader.read(frames, deltas)
        try:
            if deltas:
                self._budget.take(deltas)
            else:
                self._budget.read(len(piece))
        except GatewayError:
            self.deltas = []  # deltas beyond the limits are not passed on
            raise
        return deltas

    def parts(self) -> Iterator[Batch]:
        """Read the piece that was too long, part by part; yield the deltas of each."""
        piece, self.long_piece = self.long_piece, b""
        for start in range(0, len(piece), MOST_AT_ONCE):
            if self.read(piece[start : start + MOST_AT_ONCE]) or self.is_silent():
                yield self.deltas
                self.mark_yielded()
            time.sleep(MOMENT_S)

    def mark_yielded(self) -> None:
        """Note that all deltas read so far have been passed on."""
        self.deltas = []
        self._yielded_at = time.monotonic()

    def is_silent(self) -> bool:
        """Whether nothing was yielded for `silence_s`: comments and partial frames do not count."""
        return time.monotonic() - self._yielded_at >= self._call.silence_s

    def end(self) -> list[Delta]:
        """Return the remaining deltas once the stream has ended.

        Raises:
            UpstreamMisbehaved: neither a stream nor a whole answer came.
            GatewayError: as AnswerReader.read does.
        """
        deltas: list[Delta] = []
        frames = self._splitter.end()
        if self.is_stream or frames:
            self.deltas, self.is_stream = deltas, True
            self._reader.read(frames, deltas)
            self._reader.end(deltas)
            self.deltas = []
            self._budget.take(deltas)
        else:
            self._read_body(deltas)
        return deltas

    def _read_body(self, deltas: list[Delta]) -> None:
        """Append the deltas of a whole answer; those of a failed one are only counted."""
        try:
            self._reader.whole(b"".join(self._body or ()), deltas)
            self._budget.take(deltas)
        except GatewayError as error:
            note_output(error, deltas)
            raise

    def _begin(self, piece: bytes) -> None:
        """Distinguish a whole answer from a stream by its first character. Raises WebPage."""
        if start := piece.lstrip(BLANKS):
            refuse_page(start)
            self._is_blank = False
            self._body = [] if _JSON.match(start) else None
            self.is_stream = any(field.startswith(start[: len(field)]) for field in FIELDS)
