"""The upstream's reply to one call, and the gateway error for a refusal or a broken connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, UpstreamMisbehaved
from app.logs.redaction import is_id
from app.providers.faults import fault_of_exception, fault_of_status
from app.providers.wire.adapter import StillWaiting, WireAdapter, WireRequest
from app.providers.wire.exchange import Relay, ignore_piece
from app.settings import ProviderSettings
from app.telemetry import log

#: Bytes after which no more of an error's body is read.
MAX_FAULT_BODY = 256 * 1024
#: Timeout for the end of an answer whose content has all been read, in seconds.
END_S = 0.1


class Upstream(Protocol):
    """The server that a reply comes from; see Transport."""

    settings: ProviderSettings
    adapter: WireAdapter
    on_server: Callable[[str], None] | None


class Reply:
    """The upstream's reply to one request: read its `body`, or its `pieces` as they come, once.

    The request is sent by the first read. A piece b"" means that the upstream was silent for
    `call.silence_s`, before the answer begins or later. The connection is always closed or
    returned to the pool at the end; call `close` if the pieces are not read to the end.
    `broke_off` is true if a transport error or a timeout ended the pieces; `partial` is what had
    come of a body that these ended.

    Reading raises InvalidRequest, NotFound, ContextLengthExceeded, UpstreamRateLimited,
    UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved, and CallerGone when the call was
    cancelled.
    """

    def __init__(self, upstream: Upstream, request: WireRequest, call: UpstreamCall) -> None:
        self._upstream = upstream
        self._request = request
        self._call = call
        self._has_begun = False  # the head of a successful response has arrived
        self._is_ending = False  # the content is complete: the rest of the body does not matter
        self.broke_off = False
        self.partial = b""
        self._pieces: Iterator[bytes] | None = None
        self._relay: Relay = ignore_piece

    def body(self) -> bytes:
        """Send the request and return the whole answer."""
        try:
            return self._content(self._send(stream=False))
        except requests.RequestException as error:
            raise self._fault(error) from error
        finally:
            self._request.close()

    def _content(self, response: requests.Response) -> bytes:
        try:
            return response.content
        except requests.RequestException:
            if not self._call.cancelled:
                body: Any = response.raw
                self.partial = body.partial
            raise

    def pieces(self, relay: Relay = ignore_piece) -> Iterator[bytes]:
        """Send the request and yield the answer's pieces, except those that `relay` takes."""
        self._relay = relay
        # MEASURED: a generator here, and those of requests, were a fifth of the cost of an event
        # that arrives by itself.
        return iter(self._piece, None)

    def close(self) -> None:
        """Stop reading and close the connection, unless the response was read to its end."""
        self._request.close()

    def _piece(self) -> bytes | None:
        """Return the next piece, b"" on silence, None at the end."""
        try:
            pieces = self._pieces or self._begun()
            piece = b"" if pieces is None else next(pieces, None)
        except BaseException as error:
            self._request.close()
            if not isinstance(error, requests.RequestException):
                raise
            if not self._is_ending:
                self.broke_off = not self._call.cancelled
                raise self._fault(error) from error
            piece = None
        if piece is None:
            self._request.close()
        return piece

    def _begun(self) -> Iterator[bytes] | None:
        """Send the request, or keep waiting; return the pieces, None while there is no head."""
        try:
            response = self._send(stream=True)
        except StillWaiting:
            return None
        body: Any = response.raw
        body.relay = self._relay
        self._pieces = response.iter_content(None)
        return self._pieces

    def expect_end(self) -> None:
        """Wait at most END_S for the rest of the response: all its content has been read.

        A response that is read to its end frees its connection for reuse; if the server does not
        end it in time, or breaks off now, the connection is closed and the answer still counts.
        """
        if not self._is_ending:
            self._is_ending = True
            self._request.shorten_deadline(END_S)

    def page_error(self) -> GatewayError:
        """Return the error for a web page in place of an answer, and log the URL."""
        self._log_address(200)
        return UpstreamMisbehaved(
            f"provider {self._upstream.settings.name!r} answered with a web page: is its base_url "
            "right? It usually ends in /v1"
        )

    def _send(self, *, stream: bool) -> requests.Response:
        if self._call.cancelled:
            raise CallerGone("the call was cancelled")
        response = self._upstream.adapter.send(self._request, stream=stream)
        headers = response.raw.headers
        self._call.request_id = self._id(headers.get("x-request-id") or headers.get("request-id"))
        if not 200 <= response.status_code < 300:
            raise self._refused(response)
        if (on_server := self._upstream.on_server) is not None and "server" in headers:
            on_server(headers["server"])
        self._has_begun = True
        return response

    def _id(self, given: str | None) -> str | None:
        """Return the upstream's request id if it is well-formed and does not contain our key."""
        secret = self._upstream.settings.api_key
        if not given or not is_id(given) or (secret and secret in given):
            return None
        return given

    def _refused(self, response: requests.Response) -> GatewayError:
        body = b""
        try:
            for piece in response.iter_content(None):
                body += piece
                if len(body) > MAX_FAULT_BODY:
                    break
        except requests.RequestException as error:
            if self._call.cancelled:
                return self._fault(error)
        settings = self._upstream.settings
        if response.status_code == 404 or 300 <= response.status_code < 400:
            self._log_address(response.status_code)
        return fault_of_status(
            response.status_code,
            response.raw.headers,
            body,
            settings.name,
            secret=settings.api_key,
        )

    def _log_address(self, status: int) -> None:
        """Log the URL that was called: an operator may have to correct base_url."""
        url = urlsplit(self._request.url or "")
        log.warning(
            "upstream_address_refused",
            provider=self._upstream.settings.name,
            url=f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
            status=status,
        )

    def _fault(self, error: requests.RequestException) -> GatewayError:
        if self._call.cancelled:
            return CallerGone("the call was cancelled")
        return fault_of_exception(error, self._upstream.settings.name, work_done=self._has_begun)
