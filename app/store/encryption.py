"""Authenticated encryption: AES-256-GCM, with a nonce of 12 random bytes before the ciphertext.

Records stored under a caller's key (C6) are sealed by a `Seal`. A sealed record is

    3, 1 byte: the codec's version | stem of the id it belongs to, 24 bytes | nonce, 12 | ciphertext

Each response, and each conversation, has a key of its own, derived from the caller's. So random
nonces cannot run out: the 2^32 records that NIST SP 800-38D allows are those of one response. The
account, the id and the part of the record are authenticated with it: a record that is moved
elsewhere does not open. Two things whoever writes into Redis can forge: the order of turns that are
read as a part of their conversation, and records that are not sealed, which are read as they are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import stem_of

_NONCE_LENGTH = 12
#: The version byte of sealed records (codec).
SEALED = b"\x03"
_STEM_BYTES = 24
_HEAD = len(SEALED) + _STEM_BYTES


def encrypted(data: bytes, key: bytes, bound_to: bytes | None = None) -> bytes:
    """Encrypt data with a key of 32 bytes; decryption needs the same key and `bound_to`."""
    nonce = os.urandom(_NONCE_LENGTH)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to)


def decrypted(blob: bytes, key: bytes, bound_to: bytes | None = None) -> bytes | None:
    """Return the plaintext, or None if the data is not intact or the key or `bound_to` differs."""
    nonce, rest = blob[:_NONCE_LENGTH], blob[_NONCE_LENGTH:]
    if len(nonce) < _NONCE_LENGTH:
        return None
    try:
        return AESGCM(key).decrypt(nonce, rest, bound_to)
    except InvalidTag:
        return None


class SealedRecord(ValueError):
    """A record cannot be decrypted: the key is missing, or it is not intact, or it was moved."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals and opens one part of the records of a response, or of a conversation.

    `scope` is the stem of its id. For opening, the stem's first digits are enough: a conversation's
    tag stands for all responses in it.
    """

    key: ContentKey
    scope: str
    part: bytes

    def sealed(self, data: bytes) -> bytes:
        """Return data as a sealed record."""
        head = SEALED + bytes.fromhex(self.scope)
        return head + encrypted(data, self._cipher_key(head), self._bound_to(head))

    def opened(self, record: bytes) -> bytes:
        """Return the plaintext of a sealed record. Raises SealedRecord."""
        head = record[:_HEAD]
        if head[len(SEALED) :].hex().startswith(self.scope):
            data = decrypted(record[_HEAD:], self._cipher_key(head), self._bound_to(head))
            if data is not None:
                return data
        raise SealedRecord("a sealed record is not intact, or not where it was stored")

    def _cipher_key(self, head: bytes) -> bytes:
        return self.key.cipher_key(head[len(SEALED) :])

    def _bound_to(self, head: bytes) -> bytes:
        return b"\0".join((head, self.key.account.encode(), self.part))


def seal_of(key: ContentKey | None, any_id: str, part: bytes) -> Seal | None:
    """Return the seal of a part of what is stored under an id of ours; None without a key."""
    return None if key is None else Seal(key, stem_of(any_id), part)


def seal_within(key: ContentKey | None, scope: str, part: bytes) -> Seal | None:
    """Return a seal that opens a part of every record in this scope; None without a key."""
    return None if key is None else Seal(key, scope, part)
