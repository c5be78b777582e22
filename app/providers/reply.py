"""What an upstream answers to one call, and what it means where it refuses or breaks off."""

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

#: How much of an error's body is read.
MAX_FAULT_BODY = 256 * 1024
#: How long the end of an answer may take whose last word was read.
END_S = 0.1


class Upstream(Protocol):
    """The server that a reply comes from; see Transport."""

    settings: ProviderSettings
    adapter: WireAdapter
    on_server: Callable[[str], None] | None


class Reply:
    """What an upstream answers: read its `body`, or its `pieces` as they come, once.

    Nothing is sent before that. A piece b"" says that the upstream was silent for
    `call.silence_s`, be it before the answer begins or later. The connection is closed, or kept
    for the next call, whatever happens; `close` does that where the pieces are not read to the end.
    `broke_off` says that the pieces ended by a fault of the connection or of the server's silence.

    Reading raises InvalidRequest, NotFound, ContextLengthExceeded, UpstreamRateLimited,
    UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved, and CallerGone when the call was
    cancelled.
    """

    def __init__(self, upstream: Upstream, request: WireRequest, call: UpstreamCall) -> None:
        self._upstream = upstream
        self._request = request
        self._call = call
        self._has_begun = False  # the head of an answer has come
        self._is_ending = False  # what is left of it is of no interest
        self.broke_off = False
        self._pieces: Iterator[bytes] | None = None
        self._relay: Relay = ignore_piece

    def body(self) -> bytes:
        """Send the request and return the whole answer."""
        try:
            return self._send(stream=False).content
        except requests.RequestException as error:
            raise self._fault(error) from error
        finally:
            self._request.close()

    def pieces(self, relay: Relay = ignore_piece) -> Iterator[bytes]:
        """Send the request and yield the answer's pieces, without those that `relay` takes."""
        self._relay = relay
        # MEASURED: a generator here, and those of requests, were a fifth of what an event costs
        # that comes by itself.
        return iter(self._piece, None)

    def close(self) -> None:
        """Read no more."""
        self._request.close()

    def _piece(self) -> bytes | None:
        """Return the next piece, None at the end."""
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
        """Send the request, or go on waiting; return the pieces, None while it is silent."""
        try:
            response = self._send(stream=True)
        except StillWaiting:
            return None
        body: Any = response.raw
        body.relay = self._relay
        self._pieces = response.iter_content(None)
        return self._pieces

    def expect_end(self) -> None:
        """Everything of interest was read: what is left is waited for only END_S.

        Reading to the end lets the connection be used again; a server that does not end its
        answer, or cuts it now, loses its connection and nothing else.
        """
        if not self._is_ending:
            self._is_ending = True
            self._request.shorten_deadline(END_S)

    def page_error(self) -> GatewayError:
        """Return the error for a web page in the place of an answer, and log where it is."""
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
        """Return the upstream's id of the request, if it is one, and nothing that we have sent."""
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
        """Log where the upstream was called: an operator may have to mend it."""
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
