"""From what an upstream sends to batches of deltas: the loop that all formats share.

A piece of a stream, as one read brought it, is split into frames; a format's reader makes deltas
of them, and what one piece brought is one batch:

    b'data: {"choices":[{"delta":{"content":"Hel"}}]}\\n\\n'  ->  [Text("Hel")]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

from app.domain.slices import MOMENT_S
from app.domain.stream.deltas import Batch, Delta, Finished, note_output
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.reading.budget import Budget
from app.providers.reading.pieces import (
    BLANKS,
    FIELDS,
    MOST_AT_ONCE,
    AnswerReader,
    PieceReader,
    WebPage,
    as_frames,
    is_of_lines,
    refuse_page,
)
from app.providers.reading.sse import FrameSplitter
from app.providers.wire.exchange import Relay

#: So many deltas of a whole answer are one batch.
DELTAS_AT_ONCE = 2_000
#: After so many bytes, some ms of work, others get a turn: where there is one thread, they wait.
TURN_BYTES = 64 * 1024


class AnswerSource(Protocol):
    """Where an answer comes from: a `Reply` of the transport's, or what a test has in its place."""

    @property
    def broke_off(self) -> bool:
        """Whether its pieces ended by a fault of the connection."""
        ...

    def body(self) -> bytes:
        """Return the whole answer."""
        ...

    def pieces(self, relay: Relay) -> Iterator[bytes]:
        """Yield the answer's pieces as they come, without those that `relay` takes."""
        ...

    def expect_end(self) -> None:
        """Wait only briefly for what still comes."""
        ...

    def page_error(self) -> GatewayError:
        """Return the error for a web page in the place of the answer."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


#: Makes an error for our callers of a bug of ours, and logs it.
Mistake = Callable[[Exception, UpstreamCall], GatewayError]


def stream_batches(
    reply: AnswerSource,
    reader: AnswerReader,
    call: UpstreamCall,
    mistake: Mistake,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield one batch for every read that said something, and an empty one after every silence.

    What was said before a failure is yielded first, also where one read brought both. An answer
    that breaks off after its reason to stop is whole.

    Raises:
        UpstreamUnavailable: it began, and gave no reason to stop.
        GatewayError: as AnswerReader.read does; AnswerTooLong where there is no end of it; what
            `mistake` makes of a bug of ours.
    """
    pieces, size = PieceReader(reader, call, budget or Budget()), 0
    with closing(reply):
        try:
            # Each piece has been read by `take` when it comes here, and most end there.
            for piece in reply.pieces(pieces.take):
                # The last frame was read: what follows it is waited for only briefly.
                if reader.is_done:
                    reply.expect_end()
                if pieces.long_piece:
                    yield from pieces.parts()
                elif pieces.deltas or not piece or pieces.is_silent():
                    yield pieces.deltas
                    pieces.mark_yielded()
                # A server that sends faster than we read must not keep all others waiting.
                size += len(piece)
                del piece  # the next may come much later
                if size > TURN_BYTES:
                    size = 0
                    time.sleep(MOMENT_S)
            yield from _last_batches(pieces, reader)
        except WebPage:
            raise reply.page_error() from None
        except Exception as error:
            yield from split_batch(pieces.deltas)
            left = _end_of(pieces, reader) if reply.broke_off else None
            if left is not None:
                yield from split_batch(left)  # nothing is missing but counts
            elif isinstance(error, GatewayError):
                raise
            else:
                raise mistake(error, call) from error


def _last_batches(pieces: PieceReader, reader: AnswerReader) -> Iterator[Batch]:
    """Yield what is left to say of an answer that ended in order.

    Raises:
        UpstreamUnavailable: it began, and gave no reason to stop.
        GatewayError: as AnswerReader.read does.
    """
    left = pieces.end()
    yield from split_batch(left)
    if pieces.is_stream and not _is_ended(reader, left):
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)


def _end_of(pieces: PieceReader, reader: AnswerReader) -> Batch | None:
    """Return what is left to say of an answer that broke off, None where more than that is missing.

    Raises:
        GatewayError: as AnswerReader.read does.
    """
    if reader.is_done or reader.may_end:
        left = pieces.end()
        if _is_ended(reader, left):
            return left
    return None


def _is_ended(reader: AnswerReader, left: Batch) -> bool:
    """Tell whether an answer has come to its end; `left` is what was said last."""
    return reader.is_done or bool(left and isinstance(left[-1], Finished))


def whole_batches(
    reply: AnswerSource,
    reader: AnswerReader,
    call: UpstreamCall,
    mistake: Mistake,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield what a whole answer says: as one batch, unless it is a long one.

    A stream in place of it is read as one.

    Raises:
        UpstreamUnavailable: it is a stream that broke off.
        AnswerTooLong, and what reading it raises; what `mistake` makes of a bug of ours.
    """
    budget = budget or Budget()
    try:
        body = reply.body()
        start = body.lstrip(BLANKS)
        refuse_page(start)
        if start.startswith(FIELDS):
            deltas = _all_frames(body, reader, budget)
        else:
            deltas = _one_object(body, reader, budget)
    except WebPage:
        raise reply.page_error() from None
    except GatewayError:
        raise
    except Exception as bug:
        raise mistake(bug, call) from bug
    if 0 < len(deltas) <= DELTAS_AT_ONCE:
        yield deltas
    else:
        yield from split_batch(deltas)


def _one_object(body: bytes, reader: AnswerReader, budget: Budget) -> Batch:
    """Return what an answer says that is one object of JSON; or several, a line each."""
    try:
        deltas = reader.whole(body)
    except GatewayError:
        if not is_of_lines(body):
            raise
        return _all_frames(as_frames(body), reader, budget)
    budget.take(deltas)
    return deltas


def _all_frames(body: bytes, reader: AnswerReader, budget: Budget) -> Batch:
    """Return what a stream says that came in one piece; others get their turn meanwhile."""
    splitter, deltas, more = FrameSplitter(), list[Delta](), list[Delta]()
    try:
        for start in range(0, len(body), MOST_AT_ONCE):
            piece, more = body[start : start + MOST_AT_ONCE], []
            budget.read(len(piece))
            reader.read(splitter.feed(piece), more)
            budget.take(more)
            deltas += more
            time.sleep(MOMENT_S)
        more = []
        reader.read(splitter.end(), more)
        more += reader.end()
    except GatewayError as error:
        note_output(error, [*deltas, *more])
        raise
    budget.take(more)
    return _finished(deltas + more)


def joined_batches(streamed: Iterator[Batch]) -> Iterator[Batch]:
    """Yield what was streamed to us of an answer that is wanted whole: see `whole_batches`.

    Raises:
        UpstreamUnavailable: it broke off; and what reading it raises.
    """
    deltas: list[Delta] = []
    try:
        for batch in streamed:
            deltas += batch
    except GatewayError as error:
        note_output(error, deltas)
        raise
    yield from split_batch(_finished(deltas))


def _finished(deltas: Batch) -> Batch:
    """Return the deltas of an answer that has ended. Raises UpstreamUnavailable: it has not."""
    if not deltas or not isinstance(deltas[-1], Finished):
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)
    return deltas


def split_batch(deltas: Batch) -> Iterator[Batch]:
    """Yield deltas as one batch, or as several between which others get a turn."""
    for start in range(0, len(deltas), DELTAS_AT_ONCE):
        if start:
            time.sleep(MOMENT_S)
        yield deltas[start : start + DELTAS_AT_ONCE]
