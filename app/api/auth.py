"""Who is asking: the key in `Authorization: Bearer` or `x-api-key`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.api import current


def require_key(blueprint: Blueprint) -> None:
    """Let no handler of this blueprint run without a key that we know."""
    blueprint.before_request(authenticate)


def authenticate() -> None:
    """Put the caller into the request's context.

    Raises:
        Unauthenticated: there is no key, or none that we know.
        StorageUnavailable: the key cannot be looked up now.
    """
    held = current.held()
    caller = held.services.accounts.authenticate(_secret(held.environ))
    held.caller, trace = caller, held.trace
    trace.account, trace.key_id = caller.account, caller.key_id


def _secret(environ: dict[str, Any]) -> str | None:
    given: str = environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, credentials = given.partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    key: str | None = environ.get("HTTP_X_API_KEY")
    return key or None
