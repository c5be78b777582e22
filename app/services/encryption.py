"""Authenticated encryption: AES-256-GCM, a nonce of 12 random bytes in front of what it made."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_LENGTH = 12


def encrypted(data: bytes, key: bytes) -> bytes:
    """Return data that only the same key of 32 bytes decrypts."""
    nonce = os.urandom(_NONCE_LENGTH)
    return nonce + AESGCM(key).encrypt(nonce, data, None)


def decrypted(blob: bytes, key: bytes) -> bytes | None:
    """Return what was encrypted, or None for what is not intact, or of another key."""
    nonce, rest = blob[:_NONCE_LENGTH], blob[_NONCE_LENGTH:]
    if len(nonce) < _NONCE_LENGTH:
        return None
    try:
        return AESGCM(key).decrypt(nonce, rest, None)
    except InvalidTag:
        return None
