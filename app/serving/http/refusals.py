"""Refusals that no application gives: in the API's envelope, without repeating what came.

gunicorn's own answer to what it cannot read is a page of HTML that repeats the line, with the key
or the prompt in it. Callers for whom there is no file descriptor have not asked for anything yet.
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

_LINE = "The request's first line cannot be read as HTTP/1.1."
_TLS = (
    "A TLS handshake came to a port that speaks plain HTTP: use http:// in the address, or put a "
    "proxy that speaks TLS in front."
)
#: What a TLS handshake begins with (RFC 8446, 5.1), and no request does.
TLS_HANDSHAKE = b"\x16\x03"
_HEADER = "A header of the request cannot be read as HTTP: check its name, value and line end."
_CHUNKS = "The body's chunks cannot be read as HTTP: check their sizes and line ends."

_PLAIN = "A connection without TLS came to a port that speaks TLS: use https:// in the address."


class TLSHandshake(errors.InvalidRequestLine):  # type: ignore[misc] # gunicorn has no types
    """A TLS handshake has come where a request was to be."""

    def __init__(self) -> None:
        super().__init__("")

    def __str__(self) -> str:
        return _TLS


#: What is wrong, the more special before the more general; then status, reason and message.
_REFUSALS: tuple[tuple[tuple[type[Exception], ...], int, str, str], ...] = (
    ((TLSHandshake,), 400, "Bad Request", _TLS),
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
#: What the application has done: its fault, not the caller's.
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class RefusingWorker:
    """Answers what cannot be read in the envelope; everything else is gunicorn's."""

    log: Any

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse a request, and log the kind of its fault."""
        names = identity(
            random_bytes
        )  # a header that names it cannot be trusted, or cannot be read
        refusal = _unreadable(exc, names.request_id)
        if refusal is None:
            super().handle_error(req, client, addr, exc)  # type: ignore[misc] # gunicorn's
            return
        identify(request_id=names.request_id, trace_id=names.trace_id)
        self.log.warning("Invalid request: %s", exc)
        self._send(client, refusal)

    def refuse_tls(self, client: Any) -> None:
        """Refuse a TLS handshake: who made it cannot read why, but the log can be."""
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
    """Return what a caller finds who is turned away before a request of his has come."""
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
    """Return an answer that ends its connection; `fields` are more lines of its head."""
    body = json.dumps(ERROR_ENVELOPE.dump(error), separators=(",", ":"))
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\n{fields}\r\n{body}"
    ).encode()
