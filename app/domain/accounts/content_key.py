"""The key under which a caller has encrypted what is stored of a response (C6, N14)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

KEY_BYTES = 32
#: What an operator gives in place of a check value: no caller's key has it.
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class ContentKey:
    """Made of what an account's caller has sent, and good for nothing in another account.

    `secret` is 32 bytes. Stores make of it a key for each response, which seals their records, and
    a check value for each, which they keep: whoever gives another value is told that there is no
    such response, without anything being decrypted.
    """

    account: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, account: str, given: bytes) -> ContentKey:
        """Return the key that 32 bytes of an account's caller's stand for."""
        return cls(account, _digest(given, b"account\0", account.encode()))

    def cipher_key(self, owner: bytes) -> bytes:
        """Return the 32 bytes that encrypt the records of one response, or conversation."""
        return _digest(self.secret, b"records\0", owner)

    def check_value(self, owner_id: str) -> str:
        """Return what tells the key of a response, or conversation, from others: 32 digits."""
        return _digest(self.secret, b"check\0", owner_id.encode()).hex()[:32]

    def digest(self, data: bytes) -> bytes:
        """Return a hash of 32 bytes that nobody can find again who lacks the key."""
        return _digest(self.secret, b"digest\0", data)

    def name(self, item_id: str) -> str:
        """Return what stands for an item's id where only ids of ours may be read: 32 digits."""
        return self.digest(item_id.encode()).hex()[:32]


class OperatorKey(ContentKey):
    """What stands for every key where an operator deletes or cancels; it decrypts nothing."""

    __slots__ = ()

    def check_value(self, owner_id: str) -> str:  # noqa: ARG002 - it is the same for all
        """Return what is taken for any response's check value."""
        return _EVERY


OPERATOR_KEY = OperatorKey("", b"")


def check_value(key: ContentKey | None, owner_id: str) -> str:
    """Return the check value that stores compare: "" where there is no key."""
    return "" if key is None else key.check_value(owner_id)


def _digest(secret: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, b"responses-gateway content " + purpose + data, hashlib.sha256)
