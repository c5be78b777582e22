"""Authentication by the API key in `Authorization: Bearer`, `x-api-key` or `api-key`.

A WebSocket opened by a web page may carry the key among its sub-protocols instead.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.api import context
from app.api.server_keys import TURN, UPGRADE
from app.api.turns.subprotocols import offered_key
from app.errors import Unauthenticated

_KEY_HEADERS = ("HTTP_X_API_KEY", "HTTP_API_KEY")


def require_key(blueprint: Blueprint) -> None:
    """Require a valid API key for every handler of this blueprint."""
    blueprint.before_request(authenticate)


def authenticate() -> None:
    """Authenticate the caller and store it in the request's context.

    Raises:
        Unauthenticated: the key is missing or unknown, or several different keys were sent.
        StorageUnavailable: the key cannot be looked up now.
        RateLimited: the key has more than its share of this process (N17).
    """
    current = context.current()
    caller = current.services.accounts.authenticate(secret_of(current.environ))
    current.caller, trace = caller, current.trace
    trace.account, trace.key_id = caller.account, caller.key_id
    if current.place is not None:
        current.services.in_flight.claim(current.place, caller.key_id)


def secret_of(environ: dict[str, Any]) -> str | None:
    """Return the API key that was sent, whichever header carries it (N16).

    Raises:
        Unauthenticated: the headers carry different keys, or Authorization carries no key.
    """
    bearer = _bearer(environ.get("HTTP_AUTHORIZATION", ""))
    secret = bearer
    for name in _KEY_HEADERS:
        if name not in environ:
            continue
        given = environ[name].strip(" \t")
        if given and secret and given != secret:
            raise Unauthenticated(
                "The headers Authorization, x-api-key and api-key hold different keys: send one.",
                code="invalid_api_key",
            )
        secret = given or secret
    if not secret and (UPGRADE in environ or TURN in environ):
        secret = offered_key(environ)
    if not secret and environ.get("HTTP_AUTHORIZATION"):
        raise Unauthenticated(
            "The Authorization header holds no key: it must be 'Authorization: Bearer KEY'.",
            code="authentication_required",
        )
    return secret or None


def _bearer(authorization: str) -> str:
    """Return the key of an Authorization header, "" if it is absent or of another scheme."""
    scheme, _, credentials = authorization.strip(" \t").partition(" ")
    return credentials.strip(" \t") if scheme.lower() == "bearer" else ""
