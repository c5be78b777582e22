"""The key with which a caller encrypts what is stored of a response (C6, N14)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

KEY_BYTES = 32
#: An operator's check value: no caller's key has it.
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class ContentKey:
    """A key derived from what an account's caller sent; it is useless in another account.

    `secret` is 32 bytes. From it stores derive a key for each response, which seals its records,
    and a check value for each, which they store: a caller with another check value is told that
    there is no such response, without any decryption.
    """

    account: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, account: str, given: bytes) -> ContentKey:
        """Return the key derived from 32 bytes that an account's caller sent."""
        return cls(account, _digest(given, b"account\0", account.encode()))

    def cipher_key(self, owner: bytes) -> bytes:
        """Return the 32 bytes that encrypt the records of one response, or conversation."""
        return _digest(self.secret, b"records\0", owner)

    def check_value(self, owner_id: str) -> str:
        """Return the value that identifies the key of a response, or conversation: 32 digits."""
        return _digest(self.secret, b"check\0", owner_id.encode()).hex()[:32]

    def digest(self, data: bytes) -> bytes:
        """Return a keyed hash of 32 bytes, which cannot be computed without the key."""
        return _digest(self.secret, b"digest\0", data)

    def name(self, item_id: str) -> str:
        """Return a name that replaces an item's id outside of encrypted records: 32 digits."""
        return self.digest(item_id.encode()).hex()[:32]


class OperatorKey(ContentKey):
    """Matches every key when an operator deletes or cancels; it decrypts nothing."""

    __slots__ = ()

    def check_value(self, owner_id: str) -> str:  # noqa: ARG002 - it is the same for all
        """Return a value that is accepted as any response's check value."""
        return _EVERY


OPERATOR_KEY = OperatorKey("", b"")


def check_value(key: ContentKey | None, owner_id: str) -> str:
    """Return the check value that stores compare; "" without a key."""
    return "" if key is None else key.check_value(owner_id)


def _digest(secret: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, b"responses-gateway content " + purpose + data, hashlib.sha256)
