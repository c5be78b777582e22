"""Writes the response to a request to the connection (HTTP/1.1, RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from time import time
from types import TracebackType
from typing import Protocol

#: What a response head may contain. A value must not contain a line end (RFC 9110, section 5.5).
_STATUS = re.compile(r"[0-9]{3}(?: [\t -~\x80-\xff]*)?")
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)*")
_WITHOUT_BODY = ("204", "304")
#: Value of the Server header: gunicorn's own name would help attackers.
SERVER = "responses-gateway"
_CHUNK, _LAST_CHUNK = b"%x\r\n%b\r\n", b"0\r\n\r\n"

Error = tuple[type[BaseException], BaseException, TracebackType]


class Writable(Protocol):
    """The connection that a response is written to."""

    is_clear: bool  # nothing waits to be sent
    is_spent: bool  # no further request can be read

    def sendall(self, data: bytes, /) -> None: ...

    def send_soon(self, data: bytes, /) -> None:
        """Send without waiting; `sendall` waits for what is left of it."""
        ...


class ResponseWriter:
    """Implements start_response and the writing of the body (PEP 3333).

    The head is sent with the first chunk. `closes` means that the connection must close after the
    response. Between two chunks, the app may push one from where nothing may block.
    """

    def __init__(self, client: Writable, closes: bool) -> None:
        self.closes = closes
        self.begun = False
        self._client = client
        self._head: bytes | None = None
        self._left: int | None = None
        self._chunked = False

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Error | None = None
    ) -> object:
        """Set the status and the headers; with `exc_info`, replace earlier ones.

        Raises:
            ValueError: they are not valid in HTTP.
            AssertionError: they were set already.
        """
        if exc_info is not None and self.begun:
            raise exc_info[1]
        if exc_info is None and self._head is not None:
            raise AssertionError("the answer has begun already")
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
        lines = fields.count("\n")  # one each: more would be injected ones
        if not (_STATUS.fullmatch(status) and _FIELDS.fullmatch(fields) and lines == len(headers)):
            raise ValueError("the status or a header cannot be sent")
        # MEASURED: comparing each name takes 2 µs, and the app spells it like this.
        length = dict(headers).get("Content-Length")
        if length is None:
            length = next((v for n, v in headers if n.lower() == "content-length"), None)
        self._left = None if length is None else int(length)
        self._chunked = self._left is None and not status.startswith(_WITHOUT_BODY)
        if self._chunked:
            fields += "Transfer-Encoding: chunked\r\n"
        self.closes = self.closes or self._client.is_spent
        connection = "close" if self.closes else "keep-alive"
        self._head = (
            f"HTTP/1.1 {status}\r\nServer: {SERVER}\r\nDate: {_date(int(time()))}\r\n"
            f"Connection: {connection}\r\n{fields}\r\n"
        ).encode("latin-1")
        return self.write

    def write(self, piece: bytes) -> None:
        """Send a chunk of the body.

        Raises:
            OSError: the caller has gone.
            AssertionError: there is no status yet.
        """
        if self._chunked:
            piece = _CHUNK % (len(piece), piece) if piece else b""
        elif self._left is None:
            piece = b""
        else:
            piece = piece[: self._left]
            self._left -= len(piece)
        if not self.begun:
            if self._head is None:
                raise AssertionError("the app has not said its status")
            self.begun = True
            piece = self._head + piece
            self._head = b""  # sent: not kept for the length of a stream
        if piece:
            self._client.sendall(piece)

    def write_all(self, pieces: Iterable[bytes]) -> None:
        """Send each chunk of the body as it comes. Raises as `write` does.

        No chunk is kept while waiting for the next. MEASURED: the first of a stream is 3 kB, and if
        the others are pushed, the next one to arrive here is its end.
        """
        for piece in pieces:
            self.write(piece)
            del piece

    @property
    def is_clear(self) -> bool:
        """Whether a chunk can be pushed now."""
        return self.begun and self._chunked and self._client.is_clear

    def push(self, piece: bytes) -> None:
        """Send a chunk of the body without waiting."""
        self._client.send_soon(_CHUNK % (len(piece), piece))

    def end(self) -> None:
        """Send the rest; a body shorter than its Content-Length closes the connection."""
        if not self.begun:
            self.write(b"")
        if self._chunked:
            self._client.sendall(_LAST_CHUNK)
        elif self._left:
            self.closes = True


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
