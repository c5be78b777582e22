"""A transport adapter for the requests library, on this package's own connections.

MEASURED: requests on urllib3's pool costs 260 µs a call, this a third of it. It also does what
urllib3 cannot: report silence without failing, and let another thread abort a call.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from app.providers.wire.dial import Dialer, Origin, ProxyRefused, origin_of
from app.providers.wire.exchange import Exchange, Relay, Timeouts, ignore_piece
from app.providers.wire.interrupt import Interrupt
from app.providers.wire.pool import UpstreamPool
from app.providers.wire.response import MalformedResponse

#: Maximum size of a body that is read whole, in bytes after decompression.
MAX_BODY = 32 * 1024 * 1024
#: Timeout for the body of an error response, in seconds: its status alone is enough to go on.
ERROR_BODY_S = 5.0


class ProtocolError(requests.RequestException):
    """The server's response is not HTTP that this adapter reads, or exceeds a limit."""


class ResponseTooLong(ProtocolError):
    """The server's response is longer than MAX_BODY."""


class StillWaiting(requests.ReadTimeout):
    """No head has arrived yet. Nothing is lost: `send` with the same request keeps waiting."""


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """The common part of all requests to one endpoint, made once."""

    prepared: requests.PreparedRequest
    origin: Origin
    head: bytes


class WireRequest(requests.PreparedRequest):
    """A prepared request with its timeouts, and with an interrupt that any thread may fire.

    `lines` are additional header lines, each with its CRLF. `on_resend` is called when it is sent
    once more because its connection was closed before any response.
    """

    def __init__(
        self,
        template: RequestTemplate,
        body: bytes | None,
        timeouts: Timeouts,
        lines: bytes = b"",
        on_resend: Callable[[], None] | None = None,
    ) -> None:
        # The parent's __init__ is not called: the template has what it would prepare.
        self.__dict__.update(template.prepared.__dict__)
        self.body = body
        self.template = template
        self.timeouts = timeouts
        self.lines = lines
        self.on_resend = on_resend
        self.interrupt = Interrupt()
        self.exchange: Exchange | None = None

    def shorten_deadline(self, seconds: float) -> None:
        """Wait at most `seconds` for the rest of the response."""
        if self.exchange is not None:
            self.exchange.shorten_deadline(seconds)

    def close(self) -> None:
        """Close the connection, unless the response was read to its end."""
        if self.exchange is not None:
            self.exchange.close()


class WireAdapter(HTTPAdapter):
    """Sends WireRequests over pooled connections, HTTP/1.1 only.

    Without `keep_alive` each request has a connection of its own.

    `send` returns once the head of the response has arrived, or raises StillWaiting. Failures are
    exceptions of the requests library: ConnectTimeout, ReadTimeout, SSLError, ProxyError,
    ConnectionError, or ProtocolError; a body that is cut off raises ChunkedEncodingError.
    """

    def __init__(
        self,
        dialer: Dialer,
        clock: Callable[[], float] = time.monotonic,
        *,
        keep_alive: bool = True,
    ) -> None:
        self._keep_alive = keep_alive
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._dialer = dialer
        self._clock = clock
        self._pools: dict[Origin, UpstreamPool] = {}

    def template(self, prepared: requests.PreparedRequest) -> RequestTemplate:
        """Return the common part of all requests like this prepared one.

        Raises:
            ValueError: its URL or a header cannot be sent.
        """
        url = prepared.url or ""
        origin, parts = origin_of(url), urlsplit(url)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {**prepared.headers, "Host": origin.authority}
        if self._dialer.proxy and origin.scheme == "http":
            target = f"http://{origin.authority}{target}"
            if self._dialer.proxy_authorization:
                headers["Proxy-Authorization"] = self._dialer.proxy_authorization
        if not self._keep_alive:
            headers["Connection"] = "close"
        headers.pop("Content-Length", None)  # each request has its own
        lines = [f"{prepared.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return RequestTemplate(
            prepared, origin, "".join(f"{line}\r\n" for line in lines).encode("latin-1")
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        *_: Any,
        **__: Any,
    ) -> requests.Response:
        """Send a WireRequest, or keep waiting for its response.

        Without `stream`, silence is not reported. Timeouts come from the request, everything else
        from the dialer: the other parameters of requests have no effect.
        """
        if not isinstance(request, WireRequest):
            raise requests.exceptions.InvalidSchema("this adapter sends WireRequests only")
        exchange = request.exchange
        if exchange is None:
            exchange = request.exchange = self._exchange(request)
        try:
            has_head = exchange.wait_for_head()
            while not has_head and not stream:
                has_head = exchange.wait_for_head()
        except (OSError, MalformedResponse) as error:
            raise _translated(error, exchange, requests.ConnectionError) from error
        if not has_head:
            raise StillWaiting
        request.body = None  # free its memory; the exchange has dropped it as well
        if exchange.response.status >= 400:
            exchange.shorten_deadline(ERROR_BODY_S)
        return WireResponse(request, ResponseBody(exchange))

    def _exchange(self, request: WireRequest) -> Exchange:
        origin, body = request.template.origin, request.body
        pool = self._pools.get(origin)
        if pool is None:
            made = UpstreamPool(self._clock, keep=self._keep_alive)
            pool = self._pools.setdefault(origin, made)
        content = body if isinstance(body, bytes) else b""
        length = b"\r\n" if body is None else b"Content-Length: %d\r\n\r\n" % len(content)
        message = (request.template.head + request.lines + length, content)
        exchange = Exchange(
            self._dialer, pool, origin, message, request.timeouts, request.interrupt
        )
        exchange.on_resend = request.on_resend
        return exchange

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.clear()


class ResponseBody:
    """The body of a response, as `raw` of a WireResponse. `relay` may be set."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.relay: Relay = ignore_piece
        self.headers = exchange.response.headers
        self.status = exchange.response.status
        self._pieces: list[bytes] = []

    @property
    def partial(self) -> bytes:
        """What `whole` has read before it failed."""
        return b"".join(self._pieces)

    def piece(self) -> bytes | None:
        """Return the next piece, b"" when the server is silent, None at the end.

        Pieces that `relay` takes are left out.
        """
        try:
            return self._exchange.read(self.relay)
        except (OSError, MalformedResponse) as error:
            broken = requests.exceptions.ChunkedEncodingError
            raise _translated(error, self._exchange, broken) from error

    def whole(self) -> bytes:
        """Return the whole body, waiting through silence. Raises ResponseTooLong, too."""
        pieces, read = self._pieces, 0
        while (piece := self.piece()) is not None:
            pieces.append(piece)
            read += len(piece)
            if read > MAX_BODY:
                self.close()
                raise ResponseTooLong(f"a body of more than {MAX_BODY} bytes")
            if self._exchange.is_read:
                break
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._exchange.close()


class WireResponse(requests.Response):
    """A response that builds rarely used attributes only when they are accessed."""

    raw: Any

    def __init__(self, request: WireRequest, body: ResponseBody) -> None:
        # The parent's __init__ is not called: its cookie jar and header dictionary cost more than
        # reading the answer does.
        self.__dict__.update(
            _content=False,
            _content_consumed=False,
            _next=None,
            status_code=body.status,
            raw=body,
            url=request.url,
            request=request,
            history=[],
        )

    @property
    def content(self) -> bytes:
        """The whole body; it can be read once."""
        body: bytes = self.raw.whole()
        return body

    # MEASURED: with the generators of requests a piece takes twice as many calls.
    def iter_content(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the body's pieces as they come; b"" means that the server is silent."""
        pieces: Iterator[bytes] = iter(self.raw.piece, None)
        return pieces

    def __getattr__(self, name: str) -> Any:
        if name == "headers":
            self.headers = CaseInsensitiveDict(self.raw.headers)
            return self.headers
        raise AttributeError(name)


def _translated(
    error: Exception, exchange: Exchange, when_broken: type[requests.RequestException]
) -> requests.RequestException:
    """Close the exchange; return the requests exception for the error, for `raise ... from`."""
    connected = exchange.is_connected
    exchange.close()
    if isinstance(error, MalformedResponse):
        return ProtocolError(str(error))
    if isinstance(error, TimeoutError):
        return requests.ReadTimeout() if connected else requests.ConnectTimeout()
    if isinstance(error, ProxyRefused):
        return requests.exceptions.ProxyError(str(error))
    if isinstance(error, ssl.SSLError) and not connected:
        return requests.exceptions.SSLError()
    return when_broken()
