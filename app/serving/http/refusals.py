"""Error responses that the server sends itself: in the API's envelope, quoting nothing received.

gunicorn answers what it cannot parse with an HTML page that quotes the line, with the key or the
prompt in it. Clients for whom no file descriptor is left are refused before they send a request.
"""

from __future__ import annotations

import json
import ssl
from typing import Any

from gunicorn import util
from gunicorn.http import errors

from app.domain.identity import identity
from app.errors import GatewayError, InvalidRequest, Overloaded
from app.logs.lines import identify
from app.randomness import random_bytes
from app.schemas.wire.answers import ERROR_ENVELOPE
from app.serving.http.connection import has_host

_LINE = "The request's first line cannot be read as HTTP/1.1."
_TLS = (
    "A TLS handshake came to a port that speaks plain HTTP: use http:// in the address, or put a "
    "proxy that speaks TLS in front."
)
#: First bytes of a TLS handshake (RFC 8446, 5.1); no HTTP request starts with them.
TLS_HANDSHAKE = b"\x16\x03"
_HOST = (
    "An HTTP/1.1 request needs one Host header, with the name or address that the request was sent "
    "to."
)
_HEADER = "A header of the request cannot be read as HTTP: check its name, value and line end."
_CHUNKS = "The body's chunks cannot be read as HTTP: check their sizes and line ends."

_PLAIN = "A connection without TLS came to a port that speaks TLS: use https:// in the address."


class TLSHandshake(errors.InvalidRequestLine):  # type: ignore[misc] # gunicorn has no types
    """A TLS handshake arrived in place of a request."""

    def __init__(self) -> None:
        super().__init__("")

    def __str__(self) -> str:
        return _TLS


class BadHost(errors.InvalidHeader):  # type: ignore[misc] # as above
    """A request's Host header is missing or invalid."""

    def __init__(self) -> None:
        super().__init__("HOST")

    def __str__(self) -> str:
        return _HOST


def check_host(request: Any) -> None:
    """Check the Host header of a request that gunicorn has parsed.

    Raises:
        BadHost: it is missing or invalid.
    """
    if not has_host(request.headers, request.version):
        raise BadHost


#: Exceptions, the specific before the general, with status, reason and message.
_REFUSALS: tuple[tuple[tuple[type[Exception], ...], int, str, str], ...] = (
    ((TLSHandshake,), 400, "Bad Request", _TLS),
    ((BadHost,), 400, "Bad Request", _HOST),
    ((ssl.SSLError,), 400, "Bad Request", _PLAIN),
    ((errors.LimitRequestLine,), 414, "URI Too Long", "The request's first line is too long."),
    (
        (errors.LimitRequestHeaders,),
        431,
        "Request Header Fields Too Large",
        "The request's headers are too many or too long.",
    ),
    (
        (errors.UnsupportedTransferCoding,),
        501,
        "Not Implemented",
        "The Transfer-Encoding is not known: send 'chunked', or a Content-Length.",
    ),
    ((errors.ExpectationFailed,), 417, "Expectation Failed", "Expect takes '100-continue' only."),
    (
        (errors.ForbiddenProxyRequest,),
        403,
        "Forbidden",
        "The connection is not one that may be made here.",
    ),
    (
        (errors.InvalidRequestLine, errors.InvalidRequestMethod, errors.InvalidHTTPVersion),
        400,
        "Bad Request",
        _LINE,
    ),
    (
        (errors.InvalidChunkSize, errors.ChunkMissingTerminator, errors.InvalidChunkExtension),
        400,
        "Bad Request",
        _CHUNKS,
    ),
    (
        (
            *(errors.InvalidHeader, errors.InvalidHeaderName, errors.ObsoleteFolding),
            *(errors.InvalidProxyLine, errors.InvalidProxyHeader),
            *(errors.InvalidSchemeHeaders, errors.InvalidH2CPreface),
        ),
        400,
        "Bad Request",
        _HEADER,
    ),
)
#: Faults of the application, not of the caller.
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class RefusingWorker:
    """Answers malformed requests with the error envelope; leaves other errors to gunicorn."""

    log: Any

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse a request, and log the class of its error."""
        names = identity(random_bytes)  # a request id in the headers may be invalid, or unreadable
        refusal = _unreadable(exc, names.request_id)
        if refusal is None:
            super().handle_error(req, client, addr, exc)  # type: ignore[misc] # gunicorn's
            return
        identify(request_id=names.request_id, trace_id=names.trace_id)
        self.log.warning("Invalid request: %s", exc)
        self._send(client, refusal)

    def refuse_tls(self, client: Any) -> None:
        """Refuse a TLS handshake: the client cannot read the reason, but it is logged."""
        self.log.warning(_TLS)
        refusal = _answer(
            "400 Bad Request", InvalidRequest(_TLS), identity(random_bytes).request_id
        )
        self._send(client, refusal)

    def _send(self, client: Any, refusal: bytes) -> None:
        try:
            util.write_nonblock(client, refusal)
        except OSError:
            self.log.debug("Failed to send error message.")


def overloaded() -> bytes:
    """Return the 503 for a client that is turned away before its request has arrived."""
    error = Overloaded()
    retry_after = f"Retry-After: {error.retry_after_s}\r\n"
    return _answer("503 Service Unavailable", error, identity(random_bytes).request_id, retry_after)


def _unreadable(fault: BaseException, request_id: str) -> bytes | None:
    if isinstance(fault, _OURS):
        return None
    for kinds, status, reason, message in _REFUSALS:
        if isinstance(fault, kinds):
            return _answer(f"{status} {reason}", InvalidRequest(message), request_id)
    return None


def _answer(status: str, error: GatewayError, request_id: str, fields: str = "") -> bytes:
    """Return a response that closes its connection; `fields` are further header lines."""
    body = json.dumps(ERROR_ENVELOPE.dump(error), separators=(",", ":"))
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\n{fields}\r\n{body}"
    ).encode()
