"""The secret of an API key: OWN_KEYS, 256 bits in base62, a checksum.

The prefix lets scanners find leaked keys; the checksum tells a typo from a forgery without a
look-up. Only `digest` of a secret is ever kept.
"""

from __future__ import annotations

import hashlib
import re
import zlib

from app.logs.redaction import OWN_KEYS

ENTROPY_BYTES = 32

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
_FORM = re.compile(rf"{OWN_KEYS}[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")


def format_secret(entropy: bytes) -> str:
    """Return the secret that carries `entropy`, which must be ENTROPY_BYTES long."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a key needs {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    body = OWN_KEYS + _base62(int.from_bytes(entropy, "big"), _RANDOM_LENGTH)
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Return whether `secret` has the form and the checksum of a key of ours."""
    if _FORM.fullmatch(secret) is None:
        return False
    return _checksum(secret[:-_CHECKSUM_LENGTH]) == secret[-_CHECKSUM_LENGTH:]


def digest(secret: str) -> str:
    """Return the SHA-256 of the whole secret, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
