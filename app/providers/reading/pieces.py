"""Reading one answer piece by piece, as the reads of a connection happen to cut it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from app.domain.slices import MOMENT_S
from app.domain.stream.deltas import Batch, Delta, Text
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.providers.reading.budget import Budget
from app.providers.reading.chunk_template import ChunkTemplate
from app.providers.reading.sse import Frame, FrameSplitter

#: So much of a stream is read in one go, in bytes: a piece that was compressed may be far longer.
MOST_AT_ONCE = 64 * 1024
#: What may stand before the first character of an answer: blanks, and a byte order mark.
BLANKS = b" \t\r\n\xef\xbb\xbf"
#: How the lines of an event stream begin.
FIELDS = (b"data:", b"event:", b":", b"id:", b"retry:")

#: Where an object ends and another, or an event, begins in a line of its own: no one JSON has that.
_NEXT_LINE = re.compile(rb"\}[ \t\r]*\n[ \t\r\n]*(?:\{|data:|event:)")
#: So much of what came before a piece of a whole answer is looked at with it, in bytes.
_SEAM = 64


class WebPage(Exception):
    """What came in the place of an answer is a web page, whatever its type is said to be."""


def refuse_page(start: bytes) -> None:
    """Raise WebPage where what came begins as one does, and as no answer does."""
    if start.startswith(b"<"):
        raise WebPage


def is_of_lines(body: bytes) -> bool:
    """Tell whether what begins as a JSON object does is several, a line each (NDJSON)."""
    return _NEXT_LINE.search(body) is not None


def as_frames(lines: bytes) -> bytes:
    """Return lines of JSON as blocks of an event stream, in which each is a frame."""
    return lines.replace(b"\n", b"\n\n")


class AnswerReader(Protocol):
    """What a format makes of one answer, be it streamed or whole; it lives for that answer."""

    @property
    def is_done(self) -> bool:
        """Whether the format's last frame has come: nothing of interest follows."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether the answer is whole should it end here: why it ended is known, or its counts."""
        ...

    @property
    def template(self) -> ChunkTemplate:
        """What it has learned of chunks that are a text: those need not be given to `read`."""
        ...

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Add what these frames say: what was said before a failure is among it.

        Raises:
            GatewayError: the upstream reports a failure, or what it sends cannot be read.
        """
        ...

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        ...

    def whole(self, body: bytes) -> list[Delta]:
        """Return what a whole answer says, ending with Finished. Raises as `read` does."""
        ...


class PieceReader:
    """Reads one answer piece by piece: `deltas` are those of the latest piece, not yet yielded.

    `long_piece` is the latest piece where it is too long to be read in one go. A server that sends
    a whole answer where a stream was wanted is understood: no stream begins as JSON does, but for
    one of JSON alone, an object a line. `is_stream` says that a stream has begun, of either kind.
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
        self._is_blank = True  # nothing has come yet but blanks
        self._body: list[bytes] | None = None  # a whole answer, piece by piece
        self._seam = b""  # the last bytes of it
        self._is_of_lines = False  # it is a stream of lines of JSON
        self._yielded_at = time.monotonic()

    def take(self, piece: bytes) -> bool:
        """Read a piece as soon as it came; tell whether the loop need not see it. Never waits.

        It need not where the piece said nothing, or where `call.relay` took all that it said.

        Raises:
            GatewayError: as AnswerReader.read does, and where the answer is too long.
            WebPage: it is no answer at all.
        """
        if len(piece) > MOST_AT_ONCE:
            self.deltas, self.long_piece = [], piece
            return False
        if self._splitter.is_between and (text := self._template.text_of(piece)):
            self.deltas = []  # what is over the bounds is not passed on
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
        """Return what a piece says. Raises as `take` does."""
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
        self._reader.read(self._splitter.feed(piece), deltas)
        try:
            if deltas:
                self._budget.take(deltas)
            else:
                self._budget.read(len(piece))
        except GatewayError:
            self.deltas = []  # what is over the bounds is not passed on
            raise
        return deltas

    def parts(self) -> Iterator[Batch]:
        """Read the piece that was too long, part by part; yield what each says."""
        piece, self.long_piece = self.long_piece, b""
        for start in range(0, len(piece), MOST_AT_ONCE):
            if self.read(piece[start : start + MOST_AT_ONCE]) or self.is_silent():
                yield self.deltas
                self.mark_yielded()
            time.sleep(MOMENT_S)

    def mark_yielded(self) -> None:
        """All that was read was passed on."""
        self.deltas = []
        self._yielded_at = time.monotonic()

    def is_silent(self) -> bool:
        """Whether nothing was yielded for long: comments and pieces of frames say nothing."""
        return time.monotonic() - self._yielded_at >= self._call.silence_s

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        deltas: list[Delta] = []
        if self._body is not None:
            deltas += self._reader.whole(b"".join(self._body))
        else:
            self._reader.read(self._splitter.end(), deltas)
            deltas += self._reader.end()
        self._budget.take(deltas)
        return deltas

    def _begin(self, piece: bytes) -> None:
        """Tell a whole answer from a stream by its first character. Raises WebPage."""
        if start := piece.lstrip(BLANKS):
            refuse_page(start)
            self._is_blank = False
            self._body = [] if start[:1] in b"{[" else None
            self.is_stream = any(field.startswith(start[: len(field)]) for field in FIELDS)
