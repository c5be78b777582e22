"""From an upstream's event stream to batches of deltas: the loop that all formats share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from app.domain.deltas import Batch, Delta, Finished
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.base import UpstreamCall
from app.providers.sse import Frame, FrameSplitter
from app.providers.transport import Reply


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


class _Heard:
    """What a stream has said: `deltas` are those of its latest piece that nobody was told."""

    def __init__(self, reader: FrameReader, call: UpstreamCall) -> None:
        self.deltas: list[Delta] = []
        self._reader = reader
        self._call = call
        self._splitter = FrameSplitter()
        self._told_at = time.monotonic()

    def take(self, piece: bytes) -> bool:
        """Hear a piece; tell whether whoever reads need not hear of it.

        Raises:
            GatewayError: as FrameReader.read does.
        """
        deltas = self.deltas = []
        self._reader.read(self._splitter.feed(piece), deltas)
        if self._reader.is_done:
            return False
        if not deltas:
            return not self.is_silent()
        relay = self._call.relay
        if relay is None or not relay(deltas):
            return False
        self.told()
        return True

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
        self._reader.read(self._splitter.end(), deltas)
        return deltas + self._reader.end()


def batches(reply: Reply, reader: FrameReader, call: UpstreamCall) -> Iterator[Batch]:
    """Yield one batch for every read that said something, and an empty one after every silence.

    An upstream that sends only comments, or pieces of frames, for `call.silence_s` is silent too.
    What was said before a failure is told first, also where one read brought both.
    """
    heard = _Heard(reader, call)
    with closing(reply):
        try:
            for piece in reply.pieces(heard.take):
                if reader.is_done:
                    reply.expect_end()
                if heard.deltas or not piece or heard.is_silent():
                    yield heard.deltas
                    heard.told()
        except GatewayError:
            if heard.deltas:
                yield heard.deltas
            raise
    if last := heard.end():
        yield last


def told_whole(reply: Reply, read: Callable[[bytes], Batch]) -> Iterator[Batch]:
    """Yield as one batch what `read` makes of a whole answer."""
    yield read(reply.body())


def joined(streamed: Iterator[Batch]) -> Iterator[Batch]:
    """Yield as one batch what was streamed to us of an answer that is wanted whole.

    Raises:
        UpstreamUnavailable: it broke off; and what reading it raises.
    """
    deltas = [delta for batch in streamed for delta in batch]
    if not deltas or not isinstance(deltas[-1], Finished):
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)
    yield deltas
