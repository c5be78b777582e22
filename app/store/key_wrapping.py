"""Encrypts ("wraps") the caller's key of a running job or stream before Redis stores it (C6).

A worker needs the key that a caller has sent: to run a job, and to end a stream whose process died.
It is stored with the job, encrypted under the deployment's secret and bound to its account and
response, and deleted when the job ends. The secret is in the same Redis: SECURITY.md says which
attacks this prevents.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from app.domain.accounts.content_key import ContentKey
from app.store.encryption import SealedRecord, decrypted, encrypted

_PURPOSE = b"responses-gateway job key"


class KeyWrapping:
    """Wraps keys under the deployment's secret, which `secret` returns."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    def wrapped(self, response_id: str, key: ContentKey | None) -> bytes:
        """Return the wrapped key of a response's job as it is stored; b"" without a key."""
        if key is None:
            return b""
        return encrypted(key.secret, self._wrapping_key(), _place(key.account, response_id))

    def unwrapped(self, account: str, response_id: str, wrapped: bytes | None) -> ContentKey | None:
        """Return the key that was wrapped, None if there was none. Raises SealedRecord."""
        if not wrapped:
            return None
        secret = decrypted(wrapped, self._wrapping_key(), _place(account, response_id))
        if secret is None:
            raise SealedRecord("the key of a job is not intact, or was wrapped elsewhere")
        return ContentKey(account, secret)

    def _wrapping_key(self) -> bytes:
        return hmac.digest(self._secret(), _PURPOSE, hashlib.sha256)


def _place(account: str, response_id: str) -> bytes:
    return f"{account}\0{response_id}".encode()
