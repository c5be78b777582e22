"""The response type of handlers, which is its own WSGI application (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from werkzeug.http import HTTP_STATUS_CODES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LINE_BREAK = re.compile(r"[\r\n]")
_STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


class StreamingBody:
    """The chunks of a body, and a `close` that runs when it is over, however it ends."""

    __slots__ = ("_pieces", "close")

    def __init__(self, pieces: Iterable[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class WSGIResponse:
    """A response: a body, whole or as an iterable of chunks, with all of its headers.

    It is a WSGI application, which Flask lets handlers return. Its status must allow a body.

    Raises:
        ValueError: a header's value contains a line break.
    """

    __slots__ = ("body", "headers", "over", "status")

    def __init__(
        self,
        body: bytes | Iterable[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = {} if headers is None else dict(headers)
        if _LINE_BREAK.search("".join(self.headers.values())):
            raise ValueError("A header's value must be one line.")
        self.headers["Content-Type"] = content_type
        if isinstance(body, bytes):
            self.headers["Content-Length"] = str(len(body))
        #: Called when the stream is over, or the body has been sent.
        self.over: Callable[[], None] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response, as PEP 3333 describes."""
        status = _STATUS_LINES.get(self.status) or f"{self.status} UNKNOWN"
        start_response(status, list(self.headers.items()))
        body = self.body
        if environ["REQUEST_METHOD"] == "HEAD":
            return StreamingBody((), self.close)
        if isinstance(body, bytes):
            return (body,) if self.over is None else StreamingBody((body,), self.close)
        return StreamingBody(body, self.close)

    def close(self) -> None:
        """Close the body, then call `over`, once."""
        try:
            end = getattr(self.body, "close", None)
            if end is not None:
                end()
        finally:
            # `over` refers to this response: without it both are freed at once, without a GC run.
            over, self.over = self.over, None
            if over is not None:
                over()
