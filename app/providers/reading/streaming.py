"""From an upstream's event stream to batches of deltas: the loop that all formats share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from app.domain.slices import MOMENT_S
from app.domain.stream.deltas import Batch, Delta, Finished
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.reading.budget import Budget
from app.providers.reading.sse import Frame, FrameSplitter
from app.providers.transport import Reply

#: So much of a stream is read in one go, in bytes: a piece that was compressed may be far longer.
MOST_AT_ONCE = 64 * 1024
#: So many deltas of a whole answer are told in one go.
DELTAS_AT_ONCE = 2_000
#: After so many bytes, some ms of work, others get a turn: where there is one thread, they wait.
TURN_BYTES = 64 * 1024


#: What may stand before the first character of an answer: blanks, and a byte order mark.
_BLANKS = b" \t\r\n\xef\xbb\xbf"
#: How the lines of an event stream begin.
_FIELDS = (b"data:", b"event:", b":", b"id:", b"retry:")


class FrameReader(Protocol):
    """What a format makes of its frames; it lives for one answer."""

    @property
    def is_done(self) -> bool:
        """Whether the format's last frame has come: nothing of interest follows."""
        ...

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Add what these frames say: what was said before a failure is among it.

        Raises:
            GatewayError: the upstream reports a failure, or talks nonsense.
        """
        ...

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        ...


#: Reads a whole answer.
ReadWhole = Callable[[bytes], Batch]


class _Heard:
    """What a stream has said: `deltas` are those of its latest piece that nobody was told.

    `long` is the latest piece where it is too long to be read in one go. A server that sends a
    whole answer where a stream was wanted is read by `read_whole`: no stream begins as JSON does.
    """

    def __init__(
        self, reader: FrameReader, read_whole: ReadWhole, call: UpstreamCall, budget: Budget
    ) -> None:
        self.deltas: list[Delta] = []
        self.long = b""
        self._reader = reader
        self._call = call
        self._budget = budget
        self._read_whole = read_whole
        self._splitter = FrameSplitter()
        self._begins = True  # nothing has come yet but blanks
        self._whole: list[bytes] | None = None  # a whole answer, piece by piece
        self._told_at = time.monotonic()

    def take(self, piece: bytes) -> bool:
        """Hear a piece; tell whether whoever reads need not hear of it. Nothing waits in that.

        Raises:
            GatewayError: as FrameReader.read does, and where the answer is too long.
        """
        if len(piece) > MOST_AT_ONCE:
            self.deltas, self.long = [], piece
            return False
        deltas = self.read(piece)
        if self._reader.is_done:
            return False
        if not deltas:
            return not self.is_silent()
        relay = self._call.relay
        if relay is None or not relay(deltas):
            return False
        self.told()
        return True

    def read(self, piece: bytes) -> list[Delta]:
        """Return what a piece says. Raises as `take` does."""
        deltas = self.deltas = []
        if self._begins:
            self._begin(piece)
        if self._whole is not None:
            self._whole.append(piece)
            self._budget.read(len(piece))
            return deltas
        self._reader.read(self._splitter.feed(piece), deltas)
        try:
            if deltas:
                self._budget.take(deltas)
            else:
                self._budget.read(len(piece))
        except GatewayError:
            self.deltas = []  # what is over the bounds is not told
            raise
        return deltas

    def parts(self) -> Iterator[Batch]:
        """Read the piece that was too long, part by part; yield what each says."""
        piece, self.long = self.long, b""
        for start in range(0, len(piece), MOST_AT_ONCE):
            if self.read(piece[start : start + MOST_AT_ONCE]) or self.is_silent():
                yield self.deltas
                self.told()
            time.sleep(MOMENT_S)

    def told(self) -> None:
        """All that was said was told."""
        self.deltas = []
        self._told_at = time.monotonic()

    def is_silent(self) -> bool:
        """Whether nothing was told for long: comments and pieces of frames say nothing."""
        return time.monotonic() - self._told_at >= self._call.silence_s

    def end(self) -> list[Delta]:
        """Return what is left to say now that the stream has ended."""
        deltas: list[Delta] = []
        if self._whole is not None:
            deltas += self._read_whole(b"".join(self._whole))
        else:
            self._reader.read(self._splitter.end(), deltas)
            deltas += self._reader.end()
        self._budget.take(deltas)
        return deltas

    def _begin(self, piece: bytes) -> None:
        """Tell a whole answer from a stream by its first character."""
        if start := piece.lstrip(_BLANKS):
            self._begins = False
            self._whole = [] if start[:1] in b"{[" else None


def batches(
    reply: Reply,
    reader: FrameReader,
    read_whole: ReadWhole,
    call: UpstreamCall,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield one batch for every read that said something, and an empty one after every silence.

    An upstream that sends only comments, or pieces of frames, for `call.silence_s` is silent too.
    What was said before a failure is told first, also where one read brought both. A whole answer
    in place of a stream is read by `read_whole`.

    Raises:
        GatewayError: as FrameReader.read does; AnswerTooLong where there is no end of it.
    """
    heard, read = _Heard(reader, read_whole, call, budget or Budget()), 0
    with closing(reply):
        try:
            for piece in reply.pieces(heard.take):
                if reader.is_done:
                    reply.expect_end()
                if heard.long:
                    yield from heard.parts()
                elif heard.deltas or not piece or heard.is_silent():
                    yield heard.deltas
                    heard.told()
                read += len(piece)
                if read > TURN_BYTES:
                    read = 0
                    time.sleep(MOMENT_S)
        except GatewayError:
            if heard.deltas:
                yield heard.deltas
            raise
    yield from in_parts(heard.end())


def told_whole(
    reply: Reply,
    reader: Callable[[], FrameReader],
    read_whole: ReadWhole,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield what `read_whole` makes of a whole answer: as one batch, unless it is a long one.

    A stream in place of it is read by what `reader` makes.

    Raises:
        UpstreamUnavailable: it is a stream that broke off.
        AnswerTooLong, and what reading it raises.
    """
    body, budget = reply.body(), budget or Budget()
    if body.lstrip(_BLANKS).startswith(_FIELDS):
        deltas = _all_frames(body, reader(), budget)
    else:
        deltas = read_whole(body)
        budget.take(deltas)
    yield from in_parts(deltas)


def _all_frames(body: bytes, reader: FrameReader, budget: Budget) -> Batch:
    """Return what a stream says that came in one piece; others get their turn meanwhile."""
    splitter, deltas = FrameSplitter(), list[Delta]()
    for start in range(0, len(body), MOST_AT_ONCE):
        piece, said = body[start : start + MOST_AT_ONCE], list[Delta]()
        budget.read(len(piece))
        reader.read(splitter.feed(piece), said)
        budget.take(said)
        deltas += said
        time.sleep(MOMENT_S)
    said = []
    reader.read(splitter.end(), said)
    said += reader.end()
    budget.take(said)
    return _finished(deltas + said)


def joined(streamed: Iterator[Batch]) -> Iterator[Batch]:
    """Yield what was streamed to us of an answer that is wanted whole: see `told_whole`.

    Raises:
        UpstreamUnavailable: it broke off; and what reading it raises.
    """
    yield from in_parts(_finished([delta for batch in streamed for delta in batch]))


def _finished(deltas: Batch) -> Batch:
    """Return the deltas of an answer that has ended. Raises UpstreamUnavailable: it has not."""
    if not deltas or not isinstance(deltas[-1], Finished):
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)
    return deltas


def in_parts(deltas: Batch) -> Iterator[Batch]:
    """Yield deltas as one batch, or as several between which others get a turn."""
    for start in range(0, len(deltas), DELTAS_AT_ONCE):
        if start:
            time.sleep(MOMENT_S)
        yield deltas[start : start + DELTAS_AT_ONCE]
