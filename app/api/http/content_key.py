"""The key that a request brings to have what is stored of it encrypted (C6).

It is read here and nowhere else: no log line, trace or error has it, and no upstream is sent it.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint

from app.api import context

_KEY, _PASSPHRASE = "HTTP_X_ENCRYPTION_KEY", "HTTP_X_ENCRYPTION_PASSPHRASE"


def take_content_key(blueprint: Blueprint) -> None:
    """Have the handlers of this blueprint know the key; it comes behind auth.require_key."""
    blueprint.before_request(take)


def take() -> None:
    """Put the key of the request, if it has one, beside who calls.

    Raises:
        InvalidRequest: there are two, or what there is can be no key.
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
