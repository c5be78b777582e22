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


def batches(reply: Reply, reader: FrameReader, call: UpstreamCall) -> Iterator[Batch]:
    """Yield one batch for every read that said something, and an empty one after every silence.

    An upstream that sends only comments, or pieces of frames, for `call.silence_s` is silent too.
    What was said before a failure is told first, also where one read brought both.
    """
    splitter = FrameSplitter()
    told_at = time.monotonic()
    with closing(reply):
        for chunk in reply:
            deltas: list[Delta] = []
            try:
                if chunk:
                    reader.read(splitter.feed(chunk), deltas)
            except GatewayError:
                if deltas:
                    yield deltas
                raise
            if reader.is_done:
                reply.expect_end()
            if deltas or not chunk or time.monotonic() - told_at >= call.silence_s:
                yield deltas
                told_at = time.monotonic()
    last: list[Delta] = []
    reader.read(splitter.end(), last)
    last += reader.end()
    if last:
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
