"""The WebSocket handshake: who may connect, and what is negotiated (RFC 6455, section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import current_app

from app.api import context
from app.api.auth import secret_of
from app.api.http.bodies import IDEMPOTENCY_KEY
from app.api.http.errors import gateway_error
from app.api.http.response import WSGIResponse
from app.api.turns.server import WebSocketUpgrade
from app.api.turns.subprotocols import chosen
from app.api.websocket.posting import Posting
from app.api.websocket.session import Session
from app.errors import InvalidRequest, PermissionDenied, WebSocketNotOffered

_VERSION = "13"
_NONCE = re.compile(r"[A-Za-z0-9+/]{22}==")
_ANY = "*"
_PORTS = {"http": ":80", "https": ":443"}


def upgraded(current: context.CallContext, upgrade: WebSocketUpgrade) -> WSGIResponse:
    """Open a session, and return the 101.

    Raises:
        InvalidRequest: the handshake is malformed, or has a header meant for single requests.
        PermissionDenied: it comes from a web page of an origin that is not allowed.
        Overloaded, RateLimited: the process, or the key, has too many sessions.
    """
    environ, services = current.environ, current.services
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != _VERSION:
        return _of_another_version()
    sessions = services.websockets
    _check(environ)
    _refuse_foreign_page(environ, sessions.origins)
    secret = secret_of(environ)
    session = Session(
        sessions,
        services,
        Posting(current_app.wsgi_app, environ),
        lambda: services.accounts.authenticate(secret),
        current.caller,
        current.trace.request_id,
    )
    upgrade.accept(session, chosen(environ))
    sessions.enter(current.caller.key_id)
    return WSGIResponse(b"", 101, content_type="")


def _of_another_version() -> WSGIResponse:
    """Return the response to a handshake of an unsupported version: it names the supported one."""
    answer = gateway_error(
        WebSocketNotOffered(
            f"The header Sec-WebSocket-Version must be {_VERSION}: there is no other version here."
        )
    )
    answer.headers["Sec-WebSocket-Version"] = _VERSION
    return answer


def _check(environ: Mapping[str, Any]) -> None:
    if not _NONCE.fullmatch(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        raise InvalidRequest(
            "The header Sec-WebSocket-Key must be 16 bytes in base64, as clients send it.",
            code="invalid_value",
        )
    if IDEMPOTENCY_KEY in environ:
        raise InvalidRequest(
            "The header Idempotency-Key is of one request, and a WebSocket has many: leave it out, "
            "or send the request by POST.",
            param="Idempotency-Key",
            code="unsupported_parameter",
        )


def _refuse_foreign_page(environ: Mapping[str, Any], origins: frozenset[str]) -> None:
    """Refuse a web page of another origin, which browsers would let connect (RFC 6455, 10.2).

    CORS does not apply to WebSockets: the server must check. Other programs send no Origin, or
    that of the URL that they call.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is None or _ANY in origins or origin in origins or _is_own(environ, origin):
        return
    raise PermissionDenied(
        "A web page of this origin may not open a WebSocket here: its operator allows origins by "
        "cors_origins in the [web] table of gateway.toml.",
        param="Origin",
        code="origin_not_allowed",
    )


def _is_own(environ: Mapping[str, Any], origin: str) -> bool:
    scheme, _, host = origin.lower().partition("://")
    default = _PORTS.get(scheme, "")
    own = environ.get("HTTP_HOST", "").lower()
    return bool(own) and host.removesuffix(default) == own.removesuffix(default)
