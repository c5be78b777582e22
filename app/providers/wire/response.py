"""Parse one HTTP/1.1 response, with limits on its size."""

from __future__ import annotations

import zlib

import httptools

#: Maximum number of bytes in a row that are not body: the head, chunk sizes, trailers.
MAX_OVERHEAD = 128 * 1024
#: Maximum size of one read of a compressed stream after decompression, in bytes.
MAX_INFLATED = 32 * 1024 * 1024

#: Content-Encoding values that mean "not compressed"; "none" keeps proxies from compressing.
_PASS_THROUGH = {"", "identity", "none", "utf-8", "utf8", "chunked"}


class MalformedResponse(Exception):
    """The response is not HTTP that this parser reads, or exceeds a limit."""


class IncompleteResponse(ConnectionError):
    """The server closed the connection in the middle of its response."""


class UpstreamResponse:
    """A response as far as it has arrived: `feed` takes bytes read and returns those of the body.

    `headers` has lower-case names; values of repeated headers are joined by commas. Informational
    responses (1xx) are skipped. `keep_alive` is true once the response is complete and its
    connection can be reused.
    """

    __slots__ = (
        "_inflate",
        "_overhead",
        "_own",
        "_parser",
        "_pieces",
        "head_done",
        "headers",
        "keep_alive",
        "on_body",
        "status",
        "whole",
    )

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.head_done = False
        self.whole = False
        self.keep_alive = False
        self._overhead = 0
        self._own = 0
        self._pieces: list[bytes] = []
        # The parser's callback for each chunk. MEASURED: as a method of this class, it takes a
        # tenth of the cost of an event that arrives with others.
        self.on_body = self._pieces.append
        self._inflate: Inflater | None = None
        self._parser = httptools.HttpResponseParser(self)
        # Small servers end lines with a bare LF; old ones pad chunk sizes.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def feed(self, data: bytes) -> bytes:
        """Parse the bytes of one read, and return the body bytes among them, decompressed.

        Raises:
            MalformedResponse
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise MalformedResponse("it wants to change the protocol") from None
        except httptools.HttpParserError as error:
            self._misread(error)
        pieces = self._pieces
        if self.whole:
            del pieces[self._own :]  # they belong to a second, unsolicited message
        if not pieces:
            self._overhead += len(data)
            if self._overhead > MAX_OVERHEAD:
                raise MalformedResponse("its head is too long")
            return b""
        self._overhead = 0
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return self._inflate(body) if self._inflate else body

    def end(self) -> None:
        """Note that the connection was closed, which ends a body without a stated length.

        Raises:
            IncompleteResponse: the response was not complete.
        """
        headers = self.headers
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "")
        if not self.head_done or framed:
            raise IncompleteResponse("the response is cut")
        self.whole = True

    def release_parser(self) -> None:
        """Drop the parser: it refers to this object, and a reference cycle costs a collection."""
        del self._parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, also for trailers, which are ignored."""
        if self.head_done:
            return
        headers, key, text = self.headers, name.lower().decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self.whole:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers = {}
            return
        self.head_done = True
        if "content-encoding" in self.headers:
            words = map(str.strip, self.headers["content-encoding"].lower().split(","))
            encodings = [word for word in words if word not in _PASS_THROUGH]
            if encodings:
                self._inflate = Inflater(*encodings)

    def on_message_begin(self) -> None:
        """Called by the parser; a second, unsolicited message spoils the connection."""
        if self.whole:
            self.keep_alive = False

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self.head_done and not self.whole:
            self.whole = True
            self.keep_alive = self._parser.should_keep_alive()
            self._own = len(self._pieces)

    def _misread(self, error: httptools.HttpParserError) -> None:
        if isinstance(error, httptools.HttpParserCallbackError) and error.__context__ is not None:
            raise error.__context__  # raised by a callback here: MalformedResponse or a bug
        if not self.whole:
            raise MalformedResponse("it is not HTTP") from error
        self.keep_alive = False  # garbage after a complete message


class Inflater:
    """Decompresses a content-encoding, piece by piece."""

    def __init__(self, encoding: str, *more: str) -> None:
        """Raises MalformedResponse for an encoding other than gzip and deflate."""
        if more or encoding not in ("gzip", "x-gzip", "deflate"):
            raise MalformedResponse("it is compressed in a way that was not asked for")
        self._zlib = _decompressor()
        self._may_be_raw = encoding == "deflate"  # some servers omit zlib's header
        self._has_ended = False  # whatever follows is ignored

    def __call__(self, piece: bytes) -> bytes:
        """Return `piece` decompressed; it may contain several gzip members, one after another.

        Raises:
            MalformedResponse: it is damaged, or larger than MAX_INFLATED when decompressed.
        """
        grown = self._grown(piece)
        more, size = [grown], len(grown)
        while self._zlib.eof and (piece := self._zlib.unused_data) and not self._has_ended:
            self._zlib = _decompressor()
            try:
                more.append(self._grown(piece))
            except MalformedResponse:
                self._has_ended = True  # not another member, but padding
                break
            size += len(more[-1])
            if size > MAX_INFLATED:
                raise MalformedResponse("it is too long")
        return b"".join(more) if len(more) > 1 else grown

    def _grown(self, piece: bytes) -> bytes:
        if self._has_ended:
            return b""
        try:
            grown = self._zlib.decompress(piece, MAX_INFLATED)
        except zlib.error:
            if not self._may_be_raw:
                raise MalformedResponse("its compression is damaged") from None
            self._may_be_raw = False
            self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
            return self._grown(piece)
        self._may_be_raw = False
        if self._zlib.unconsumed_tail:
            raise MalformedResponse("it is too long")
        return grown


def _decompressor() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: zlib or gzip, by its header
