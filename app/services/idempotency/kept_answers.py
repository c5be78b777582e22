"""The answer kept for an Idempotency-Key, sealed so that access to Redis alone cannot read it.

The sealing key is derived from the caller's Idempotency-Key, of which Redis has only a keyed hash,
and from the caller's encryption key (C6), if there is one. A stored response is kept by its id
alone, `{"status": 200, "response_id": "resp_…", …}`; anything else by the body that was sent,
`{"status": 202, "body": {…}, …}`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from app.domain.accounts.content_key import ContentKey
from app.store.encryption import decrypted, encrypted
from app.store.idempotency.base import KeyState

_PURPOSE = b"responses-gateway idempotent answer\0"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer: for a stored response its id, and whether it was streamed; else its JSON body.

    A response that waits in a spool has the body `{"spooled_at": Unix seconds}`. `cuts` says where
    the stream of a response in the body was cut (base64). `headers` are those about the answer
    itself, such as the parameters that it ignored (R1).
    """

    status: int
    response_id: str = ""
    stream: bool = False
    body: Any = None
    cuts: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningStream:
    """A stream that can be followed, which another request with the key is making.

    `answer` is what is known of it so far. Whoever follows it has to call `listen` now and then: it
    goes on only for those who do.
    """

    answer: KeptAnswer
    listen: Callable[[], None]


def sealed(
    answer: KeptAnswer, account: str, key: str, content_key: ContentKey | None = None
) -> bytes:
    """Return an answer sealed so that only the same keys of the account open it."""
    return encrypted(orjson.dumps(asdict(answer)), _cipher_key(account, key, content_key))


def opened(
    data: bytes, account: str, key: str, content_key: ContentKey | None = None
) -> KeptAnswer:
    """Return what was sealed. Raises ValueError if it was not, or with other keys."""
    answer = decrypted(data, _cipher_key(account, key, content_key))
    if answer is None:
        raise ValueError("the answer was not kept under this key")
    return KeptAnswer(**orjson.loads(answer))


def noted(
    found: KeyState, account: str, key: str, content_key: ContentKey | None = None
) -> KeptAnswer | None:
    """Return what is known of the answer that a request is making, None if nothing is."""
    if not found.response_id:
        return None
    if not found.answer:
        return KeptAnswer(200, found.response_id)
    return opened(found.answer, account, key, content_key)


def _cipher_key(account: str, key: str, content_key: ContentKey | None) -> bytes:
    made = hmac.digest(key.encode(), _PURPOSE + account.encode(), hashlib.sha256)
    return made if content_key is None else content_key.digest(made)
