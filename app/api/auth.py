"""Who is asking: the key in `Authorization: Bearer` or `x-api-key`."""

from __future__ import annotations

from flask import Blueprint, g, request

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
    caller = current.services().accounts.authenticate(_secret())
    g.caller = caller
    trace = current.trace()
    trace.account, trace.key_id = caller.account, caller.key_id


def _secret() -> str | None:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return request.headers.get("x-api-key") or None
