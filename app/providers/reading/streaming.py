"""Turn an upstream's response into batches of deltas: the loop that all formats share.

A piece of a stream, the bytes of one read, is split into frames; the format's reader turns them
into deltas, and those of one piece are one batch:

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
from app.providers.reading.finish_reasons import NO_FINISH
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

#: Maximum number of deltas in a batch of a whole answer.
DELTAS_AT_ONCE = 2_000
#: Bytes (some ms of work) after which the thread yields to other greenlets or threads.
TURN_BYTES = 64 * 1024


class AnswerSource(Protocol):
    """The source of an answer: a `Reply` of the transport, or a test's substitute."""

    @property
    def broke_off(self) -> bool:
        """Whether a transport error or a timeout ended the pieces."""
        ...

    @property
    def partial(self) -> bytes:
        """What had come of a body that one of these ended."""
        ...

    def body(self) -> bytes:
        """Return the whole answer."""
        ...

    def pieces(self, relay: Relay) -> Iterator[bytes]:
        """Yield the answer's pieces as they come, except those that `relay` takes."""
        ...

    def expect_end(self) -> None:
        """Wait only briefly for the rest of the response."""
        ...

    def page_error(self) -> GatewayError:
        """Return the error for a web page in place of the answer."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


#: Logs an unexpected exception (a bug of ours) and returns the error that callers get for it.
Mistake = Callable[[Exception, UpstreamCall], GatewayError]


def stream_batches(
    reply: AnswerSource,
    reader: AnswerReader,
    call: UpstreamCall,
    mistake: Mistake,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield one batch for every read that brought deltas, and an empty one after every silence.

    Deltas before a failure are yielded first, even if one read brought both. An answer whose
    connection breaks after its finish reason is complete.

    Raises:
        UpstreamUnavailable: the answer began and ended without a finish reason.
        GatewayError: as AnswerReader.read does; AnswerTooLong if it exceeds the budget; the
            result of `mistake` for a bug of ours.
    """
    pieces, size = PieceReader(reader, call, budget or Budget()), 0
    with closing(reply):
        try:
            # `take` has already read each piece that gets here; most pieces do not get here.
            for piece in reply.pieces(pieces.take):
                # The last frame has been read: wait only briefly for the end of the response.
                if reader.is_done:
                    reply.expect_end()
                if pieces.long_piece:
                    yield from pieces.parts()
                elif pieces.deltas or not piece or pieces.is_silent():
                    yield pieces.deltas
                    pieces.mark_yielded()
                # A server that sends faster than we read must not starve other requests.
                size += len(piece)
                del piece  # free its memory: the next may come much later
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
                yield from split_batch(left)  # only token counts can be missing
            elif isinstance(error, GatewayError):
                raise
            else:
                raise mistake(error, call) from error


def _last_batches(pieces: PieceReader, reader: AnswerReader) -> Iterator[Batch]:
    """Yield the remaining deltas of an answer whose response ended normally.

    Raises:
        UpstreamUnavailable: the answer began and ended without a finish reason.
        GatewayError: as AnswerReader.read does.
    """
    left = pieces.end()
    yield from split_batch(left)
    if pieces.is_stream and not _is_ended(reader, left):
        raise UpstreamUnavailable(NO_FINISH, work_done=True)


def _end_of(pieces: PieceReader, reader: AnswerReader) -> Batch | None:
    """Return the remaining deltas of an answer that broke off, None if it is incomplete.

    Raises:
        GatewayError: as AnswerReader.read does.
    """
    if reader.is_done or reader.may_end:
        left = pieces.end()
        if _is_ended(reader, left):
            return left
    return None


def _is_ended(reader: AnswerReader, left: Batch) -> bool:
    """Tell whether an answer is complete; `left` is its last deltas."""
    return reader.is_done or bool(left and isinstance(left[-1], Finished))


def whole_batches(
    reply: AnswerSource,
    reader: AnswerReader,
    call: UpstreamCall,
    mistake: Mistake,
    budget: Budget | None = None,
) -> Iterator[Batch]:
    """Yield the deltas of an answer that was not streamed: as one batch, unless it is long.

    If the server sent a stream instead, it is read as a stream, also if its connection breaks.

    Raises:
        UpstreamUnavailable: it is a stream that broke off.
        AnswerTooLong, and what AnswerReader raises; the result of `mistake` for a bug of ours.
    """
    deltas: list[Delta] = []
    budget = budget or Budget()
    try:
        try:
            body = reply.body()
        except GatewayError:
            _read_partial(reply.partial, reader, budget, deltas)
            if not _is_ended(reader, deltas):
                raise
        else:
            _read_body(body, reader, budget, deltas)
    except WebPage:
        raise reply.page_error() from None
    except GatewayError as error:
        note_output(error, deltas)
        raise
    except Exception as bug:
        raise mistake(bug, call) from bug
    if 0 < len(deltas) <= DELTAS_AT_ONCE:
        yield deltas
    else:
        yield from split_batch(deltas)


def _read_body(body: bytes, reader: AnswerReader, budget: Budget, deltas: list[Delta]) -> None:
    """Append the deltas of a body: one JSON object, several, one per line, or a stream."""
    start = body.lstrip(BLANKS)
    refuse_page(start)
    if start.startswith(FIELDS):
        _read_frames(body, reader, budget, deltas)
        return
    try:
        reader.whole(body, deltas)
    except GatewayError:
        if not is_of_lines(body):
            raise
        deltas.clear()
        _read_frames(as_frames(body), reader, budget, deltas)
    else:
        budget.take(deltas)


def _read_partial(body: bytes, reader: AnswerReader, budget: Budget, deltas: list[Delta]) -> None:
    """Append the deltas of a body that broke off; there are none unless it is a stream."""
    if body.lstrip(BLANKS).startswith(FIELDS):
        _read_frames(body, reader, budget, deltas, broke_off=True)
    elif is_of_lines(body):
        _read_frames(as_frames(body), reader, budget, deltas, broke_off=True)


def _read_frames(
    body: bytes,
    reader: AnswerReader,
    budget: Budget,
    deltas: list[Delta],
    *,
    broke_off: bool = False,
) -> None:
    """Append the deltas of a stream that was read whole, yielding to others now and then."""
    splitter, new = FrameSplitter(), list[Delta]()
    try:
        for start in range(0, len(body), MOST_AT_ONCE):
            piece = body[start : start + MOST_AT_ONCE]
            budget.read(len(piece))
            reader.read(splitter.feed(piece), new)
            budget.take(new)
            deltas += new
            new = []
            time.sleep(MOMENT_S)
        if not broke_off or reader.is_done or reader.may_end:
            reader.read(splitter.end(), new)
            reader.end(new)
            budget.take(new)
    finally:
        deltas += new
    if not broke_off:
        _refuse_cut(deltas)


def joined_batches(streamed: Iterator[Batch]) -> Iterator[Batch]:
    """Yield a streamed answer to a caller who wants it whole, as `whole_batches` would.

    Raises:
        UpstreamUnavailable: it broke off; and what `streamed` raises.
    """
    deltas: list[Delta] = []
    try:
        for batch in streamed:
            deltas += batch
        _refuse_cut(deltas)
    except GatewayError as error:
        note_output(error, deltas)
        raise
    yield from split_batch(deltas)


def _refuse_cut(deltas: Batch) -> None:
    """Raise UpstreamUnavailable if the deltas do not end with Finished."""
    if not deltas or not isinstance(deltas[-1], Finished):
        raise UpstreamUnavailable(NO_FINISH, work_done=True)


def split_batch(deltas: Batch) -> Iterator[Batch]:
    """Yield deltas as one batch, or as several, yielding to other requests between them."""
    for start in range(0, len(deltas), DELTAS_AT_ONCE):
        if start:
            time.sleep(MOMENT_S)
        yield deltas[start : start + DELTAS_AT_ONCE]
