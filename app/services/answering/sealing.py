"""Seals what leaves the gateway to come back unchanged, under the deployment's secret.

Opaque reasoning is bound to its account, to the provider that gave it and to the key of the pool
that was used, so that it returns byte-exact to where it came from (U11). Summaries are encrypted,
and bound to their account alone: any provider may continue from them (G8).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from app.domain.turns.compaction import Summary
from app.store.encryption import decrypted, encrypted

_VERSION = b"\x01"
_MAC_LENGTH = 16
_USER_HASH_LENGTH = 32
#: Prefix of the content of compactions that this gateway made; other services' lack it.
SUMMARY_TAG = "rgc1."


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A payload, the name of the provider that gave it, and the key of its pool that was used.

    `key` is None if the provider had no pool then.
    """

    provider: str
    key: str | None
    payload: str


class PayloadSealer:
    """Seals with an HMAC under the deployment's secret, which `secret` returns."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    def seal(self, account: str, origin: str, payload: str) -> str:
        """Return the payload as a blob of URL-safe base64 that only this account can use.

        `origin` is "provider" or "provider/key": no name holds a slash.
        """
        body = origin.encode() + b"\0" + payload.encode()
        blob = _VERSION + self._mac(account, body) + body
        return base64.urlsafe_b64encode(blob).decode()

    def open(self, account: str, sealed: str) -> Unsealed | None:
        """Return what was sealed; None if the blob was altered or is not this account's."""
        blob = _decoded(sealed)
        version, mac, body = blob[:1], blob[1 : 1 + _MAC_LENGTH], blob[1 + _MAC_LENGTH :]
        if version != _VERSION or not hmac.compare_digest(mac, self._mac(account, body)):
            return None
        origin, _, payload = body.partition(b"\0")
        provider, _, key = origin.decode().partition("/")
        return Unsealed(provider, key or None, payload.decode())

    def pseudonym(self, account: str, given: str) -> str:
        """Return a pseudonym for `given` that no other account shares (U14), 64 characters long."""
        return self._digest(b"pseudonym\0", account, given.encode()).hex()

    def user_hash(self, account: str, user: str) -> str:
        """Return the hash by which a purge finds the responses of an account's end user (C5)."""
        return self._digest(b"end user\0", account, user.encode()).hex()[:_USER_HASH_LENGTH]

    def seal_summary(self, account: str, summary: Summary) -> str:
        """Return a summary encrypted so that only this account's requests can open it."""
        kept = {
            "summary": summary.text,
            "instructions": summary.instructions,
            "keeps_messages": summary.keeps_messages,
        }
        blob = encrypted(orjson.dumps(kept), self._summary_key(account))
        return SUMMARY_TAG + base64.urlsafe_b64encode(blob).decode()

    def open_summary(self, account: str, sealed: str) -> Summary | None:
        """Return the summary; None if the text was altered or is not this account's."""
        if not sealed.startswith(SUMMARY_TAG):
            return None
        blob = _decoded(sealed.removeprefix(SUMMARY_TAG))
        data = decrypted(blob, self._summary_key(account))
        if data is None:
            return None
        kept = orjson.loads(data)
        return Summary(kept["summary"], tuple(kept["instructions"]), kept["keeps_messages"])

    def _summary_key(self, account: str) -> bytes:
        return self._digest(b"summary\0", account, b"")

    def _mac(self, account: str, body: bytes) -> bytes:
        return self._digest(b"seal\0", account, body)[:_MAC_LENGTH]

    def _digest(self, purpose: bytes, account: str, body: bytes) -> bytes:
        message = purpose + account.encode() + b"\0" + body
        return hmac.digest(self._secret(), message, hashlib.sha256)


def sealed_payload(sealed: str) -> bytes:
    """Return the payload in one of our blobs, unverified; for a foreign blob, any bytes or none."""
    return _decoded(sealed)[1 + _MAC_LENGTH :].partition(b"\0")[2]


def _decoded(sealed: str) -> bytes:
    """Decode URL-safe base64; return no bytes for any other text."""
    try:
        return base64.b64decode(sealed.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
