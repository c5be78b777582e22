"""The body of a request, read from the socket when the app reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Protocol

from gunicorn.http.errors import ParseException

#: Bytes read from the socket at once.
READ_SIZE = 64 * 1024
#: Missing bytes from which they are read directly into one buffer.
LONG = 1024 * 1024
#: Pieces shorter than this are joined on arrival: kept one by one, they would take more memory.
_DROP = 4096


class Readable(Protocol):
    """The socket of a body."""

    def recv(self, size: int, /) -> bytes: ...

    def recv_into(self, buffer: memoryview, /) -> int: ...


class RequestBody:
    """`wsgi.input` (PEP 3333): at most `length` bytes, fewer if the caller hangs up before.

    `had` is what was already read from the connection. `left` counts the bytes still to be read;
    `spare` is what follows a body that was read completely: the start of the next request.
    """

    __slots__ = ("_had", "_source", "left")

    def __init__(self, source: Readable, length: int, had: bytes) -> None:
        self.left = length
        self._source = source
        self._had = had

    @property
    def spare(self) -> bytes:
        """Bytes read beyond the body, once the body was read completely."""
        return self._had

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, or all, or as many as the caller has sent before hanging up."""
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        had = self._had
        if len(had) < wanted:
            had = self._come(wanted)
            wanted = min(wanted, len(had))
        self._had = had[wanted:]
        self.left -= wanted
        return had[:wanted]

    def _come(self, wanted: int) -> bytes:
        """Return the bytes read before, then new ones, up to `wanted` bytes or the stream's end."""
        pieces, drops, missing = [self._had], bytearray(), wanted - len(self._had)
        if missing >= LONG:
            return self._come_long(wanted)
        while missing > 0:
            piece = self._source.recv(READ_SIZE)
            if not piece:
                break
            missing -= len(piece)
            if len(piece) < _DROP:
                drops += piece
                continue
            if drops:
                pieces.append(bytes(drops))
                drops.clear()
            pieces.append(piece)
        return b"".join((*pieces, drops))

    def _come_long(self, wanted: int) -> bytes:
        """Do the same for a long body, in one buffer.

        MEASURED: pieces of 8 MB, or an array that is copied in the end, take twice the memory.
        BytesIO returns the very bytes object that it was given and has written to, without a copy.
        """
        body, at = io.BytesIO(bytes(wanted)), len(self._had)
        with body.getbuffer() as room:
            room[:at] = self._had
            while at < wanted and (count := self._source.recv_into(room[at:])):
                at += count
        body.truncate(at)
        return body.getvalue()

    def discard(self, most: int) -> bool:
        """Discard the rest; return False if it exceeds `most` bytes or does not arrive."""
        while self.left:
            piece = self.read(READ_SIZE)
            most -= len(piece)
            if not piece or most < 0:
                return False
        return True

    def readline(self, size: int = -1) -> bytes:
        """Return the next line of what is left."""
        line = io.BytesIO(self._pushed_back()).readline(size)
        self._take(len(line))
        return line

    def readlines(self, hint: int = -1) -> list[bytes]:
        """Return what is left, as lines."""
        return io.BytesIO(self.read()).readlines(hint)

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is left, a line at a time."""
        return iter(self.readlines())

    def _pushed_back(self) -> bytes:
        rest = self.read()
        self._had, self.left = rest + self._had, len(rest)
        return rest

    def _take(self, count: int) -> None:
        self._had = self._had[count:]
        self.left -= count


def is_discarded(body: Any, most: int) -> bool:
    """Discard what the app left of a body that gunicorn reads; return as RequestBody.discard does.

    MEASURED: gunicorn itself takes a kilobyte at a time, copies a megabyte for each, and stops at
    no length: a caller without a key kept all others of the process waiting for 10 s.
    """
    try:
        while piece := body.read(READ_SIZE):
            most -= len(piece)
            if most < 0:
                return False
    except (OSError, ParseException):
        return False
    return True
