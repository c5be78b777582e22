"""A transport adapter for requests on our own lean connections.

MEASURED: requests on urllib3's pool costs 260 µs a call, this a third of it. It also does what
urllib3 cannot: a silence that does no harm, and a call that another thread can end.
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

from app.providers.wire.answer import BadAnswer
from app.providers.wire.dial import Dialer, Origin, ProxyRefused, origin_of
from app.providers.wire.exchange import Exchange, Patience, Relay, leave
from app.providers.wire.interrupt import Interrupt
from app.providers.wire.pool import Pool

#: The longest body that is read whole, as it comes and inflated.
MAX_BODY = 32 * 1024 * 1024
#: How long the body of an error may take: its status says enough to go on.
FAULT_BODY_S = 5.0


class Nonsense(requests.RequestException):
    """The server's answer is no HTTP that we read, or more than we take."""


class TooLong(Nonsense):
    """The server's answer is longer than what we take."""


class Quiet(requests.ReadTimeout):
    """No head has come yet: no harm was done, sending the same order again goes on waiting."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What all orders of one endpoint have in common, made once."""

    prepared: requests.PreparedRequest
    origin: Origin
    head: bytes


class Order(requests.PreparedRequest):
    """A prepared request that knows its caller's patience, and how to be interrupted.

    `lines` are header lines of its own, each with its end. `sent_again` is called when it is sent
    once more, because its connection was closed before anything came.
    """

    def __init__(
        self,
        draft: Draft,
        body: bytes | None,
        patience: Patience,
        lines: bytes = b"",
        sent_again: Callable[[], None] | None = None,
    ) -> None:
        # The parent's __init__ is left out: what it would prepare, the draft has.
        self.__dict__.update(draft.prepared.__dict__)
        self.body = body
        self.draft = draft
        self.patience = patience
        self.lines = lines
        self.sent_again = sent_again
        self.interrupt = Interrupt()
        self.exchange: Exchange | None = None

    def hurry(self, seconds: float) -> None:
        """Wait at most `seconds` for what is left of the answer."""
        if self.exchange is not None:
            self.exchange.hurry(seconds)

    def close(self) -> None:
        """Close the connection, unless the answer was read to its end."""
        if self.exchange is not None:
            self.exchange.close()


class LeanAdapter(HTTPAdapter):
    """Sends orders over kept connections, HTTP/1.1 only; without `keep_alive` each has its own.

    `send` returns once the head of the answer is here, or raises Quiet. What goes wrong is told
    in requests' own exceptions: ConnectTimeout, ReadTimeout, SSLError, ProxyError,
    ConnectionError, and Nonsense; while the body is read, a cut is ChunkedEncodingError.
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
        self._pools: dict[Origin, Pool] = {}

    def draft(self, prepared: requests.PreparedRequest) -> Draft:
        """Make of a prepared request what its orders share.

        Raises:
            ValueError: when its URL or a header cannot be sent.
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
        headers.pop("Content-Length", None)  # each order has its own
        lines = [f"{prepared.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return Draft(prepared, origin, "".join(f"{line}\r\n" for line in lines).encode("latin-1"))

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        *_: Any,
        **__: Any,
    ) -> requests.Response:
        """Send an Order, or go on waiting for its answer.

        Without `stream`, silences are waited through. The order has the time limits and the
        dialer the rest: requests' other parameters are not heard.
        """
        if not isinstance(request, Order):
            raise requests.exceptions.InvalidSchema("this adapter sends orders only")
        exchange = request.exchange
        if exchange is None:
            exchange = request.exchange = self._exchange(request)
        try:
            here = exchange.wait_for_head()
            while not here and not stream:
                here = exchange.wait_for_head()
        except (OSError, BadAnswer) as error:
            raise _told(error, exchange, requests.ConnectionError) from error
        if not here:
            raise Quiet
        if exchange.answer.status >= 400:
            exchange.hurry(FAULT_BODY_S)
        return LeanResponse(request, Body(exchange))

    def _exchange(self, order: Order) -> Exchange:
        origin, body = order.draft.origin, order.body
        pool = self._pools.get(origin) or self._pools.setdefault(
            origin, Pool(self._clock, keep=self._keep_alive)
        )
        content = body if isinstance(body, bytes) else b""
        length = b"\r\n" if body is None else b"Content-Length: %d\r\n\r\n" % len(content)
        request = (order.draft.head + order.lines + length, content)
        exchange = Exchange(self._dialer, pool, origin, request, order.patience, order.interrupt)
        exchange.sent_again = order.sent_again
        return exchange

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.clear()


class Body:
    """The body of an answer: what a LeanResponse has as its `raw`. `relay` may be set."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.relay: Relay = leave
        self.headers = exchange.answer.headers
        self.status = exchange.answer.status

    def piece(self) -> bytes | None:
        """Return what comes next, b"" when the server is quiet, None at the end.

        What `relay` takes is left out.
        """
        try:
            return self._exchange.read(self.relay)
        except (OSError, BadAnswer) as error:
            broken = requests.exceptions.ChunkedEncodingError
            raise _told(error, self._exchange, broken) from error

    def whole(self) -> bytes:
        """Return all of it, whatever the silences."""
        pieces, read = [], 0
        while (piece := self.piece()) is not None:
            pieces.append(piece)
            read += len(piece)
            if read > MAX_BODY:
                self.close()
                raise TooLong(f"a body of more than {MAX_BODY} bytes")
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._exchange.close()


class LeanResponse(requests.Response):
    """A response that makes what is seldom asked for only when it is."""

    raw: Any

    def __init__(self, order: Order, body: Body) -> None:
        # The parent's __init__ is left out: its cookie jar and header dictionary cost more than
        # reading the answer.
        self.__dict__.update(
            _content=False,
            _content_consumed=False,
            _next=None,
            status_code=body.status,
            raw=body,
            url=order.url,
            request=order,
            history=[],
        )

    @property
    def content(self) -> bytes:
        """The whole body; it can be asked for once."""
        body: bytes = self.raw.whole()
        return body

    # MEASURED: through requests' own generators a piece takes twice as many calls.
    def iter_content(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the body's pieces as they come; b"" says that the server is quiet."""
        pieces: Iterator[bytes] = iter(self.raw.piece, None)
        return pieces

    def __getattr__(self, name: str) -> Any:
        if name == "headers":
            self.headers = CaseInsensitiveDict(self.raw.headers)
            return self.headers
        raise AttributeError(name)


def _told(
    error: Exception, exchange: Exchange, when_broken: type[requests.RequestException]
) -> requests.RequestException:
    """Give the exchange up; return what happened in requests' words, for `raise ... from`."""
    connected = exchange.is_connected
    exchange.close()
    if isinstance(error, BadAnswer):
        return Nonsense(str(error))
    if isinstance(error, TimeoutError):
        return requests.ReadTimeout() if connected else requests.ConnectTimeout()
    if isinstance(error, ProxyRefused):
        return requests.exceptions.ProxyError(str(error))
    if isinstance(error, ssl.SSLError) and not connected:
        return requests.exceptions.SSLError()
    return when_broken()
