"""What is kept of an answer, sealed so that who has Redis alone cannot read it.

The key is derived from the caller's Idempotency-Key, of which Redis holds no more than a keyed
hash. A stored response is kept by its id alone, `{"status": 200, "response_id": "resp_…", …}`;
anything else by what was sent, `{"status": 202, "body": {…}, …}`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.services.encryption import decrypted, encrypted

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
    return encrypted(orjson.dumps(asdict(answer)), _cipher_key(account, key))


def opened(data: bytes, account: str, key: str) -> KeptAnswer:
    """Return what was sealed. Raises ValueError where it was not, or with another key."""
    answer = decrypted(data, _cipher_key(account, key))
    if answer is None:
        raise ValueError("the answer was not kept under this key")
    return KeptAnswer(**orjson.loads(answer))


def _cipher_key(account: str, key: str) -> bytes:
    return hmac.digest(key.encode(), _PURPOSE + account.encode(), hashlib.sha256)
