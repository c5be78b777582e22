"""The key that a request sends to have what is stored of it encrypted (C6).

It is read only here: it appears in no log line, trace or error, and is sent to no upstream.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint

from app.api import context

_KEY, _PASSPHRASE = "HTTP_X_ENCRYPTION_KEY", "HTTP_X_ENCRYPTION_PASSPHRASE"


def take_content_key(blueprint: Blueprint) -> None:
    """Give the handlers of this blueprint the content key; call it after auth.require_key."""
    blueprint.before_request(take)


def take() -> None:
    """Store the request's content key, if any, with its caller.

    Raises:
        InvalidRequest: there are two, or its form is invalid.
        RateLimited: the account has tried too many passphrases.
        StorageUnavailable: Redis is unreachable.
    """
    current = context.current()
    environ = current.environ
    key, passphrase = environ.get(_KEY), environ.get(_PASSPHRASE)
    if key is None and passphrase is None:
        return
    caller = current.caller
    content_key = current.services.content_keys.of(caller.account, key, passphrase)
    current.caller = replace(caller, content_key=content_key)
    if current.recording is not None:
        current.recording.is_private = True
