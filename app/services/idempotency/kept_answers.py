"""What is kept of an answer, sealed so that who has Redis alone cannot read it.

The key is derived from the caller's Idempotency-Key, of which Redis holds no more than a keyed
hash. A stored response is kept by its id alone, `{"status": 200, "response_id": "resp_…", …}`;
anything else by what was sent, `{"status": 202, "body": {…}, …}`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_LENGTH = 12
_PURPOSE = b"responses-gateway idempotent answer\0"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer: of a stored response its id, `stream` says whether it was streamed; else the JSON
    of its body. `cuts` says where the stream of a response that is in the body was cut (base64).
    """

    status: int
    response_id: str = ""
    stream: bool = False
    body: Any = None
    cuts: str = ""


def sealed(answer: KeptAnswer, account: str, key: str) -> bytes:
    """Return an answer that only the account's same key opens."""
    nonce = os.urandom(_NONCE_LENGTH)
    return nonce + _cipher(account, key).encrypt(nonce, orjson.dumps(asdict(answer)), None)


def opened(data: bytes, account: str, key: str) -> KeptAnswer:
    """Return what was sealed. Raises InvalidTag where it was not, or with another key."""
    nonce, encrypted = data[:_NONCE_LENGTH], data[_NONCE_LENGTH:]
    return KeptAnswer(**orjson.loads(_cipher(account, key).decrypt(nonce, encrypted, None)))


def _cipher(account: str, key: str) -> AESGCM:
    return AESGCM(hmac.digest(key.encode(), _PURPOSE + account.encode(), hashlib.sha256))
