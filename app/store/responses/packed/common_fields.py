"""Encodes the fields that turns have in common: an agent sends the same ones at every step.

MEASURED: digest and compression of forty tools took a twelfth of a step that continues the one
before. So results are cached, by account and the exact bytes. Sealed fields are not cached, and the
cache is cleared every few minutes, since purges do not reach it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import lru_cache

from app.domain.ids import tag_of
from app.domain.turns.turn import Turn
from app.store.codec import Codec
from app.store.encryption import seal_of

DIGEST_BYTES = 12
#: Name of the part when sealed, followed by the digest.
PART = b"common "
#: Maximum number of cached fields, and of bytes of JSON of each: 8 MiB, and their packed form.
MOST, LONGEST_BYTES = 64, 128 * 1024
#: Lifetime of the cache in seconds: fields still in use are then encoded again.
SPAN_S = 300.0


class CommonFields:
    """Makes the digests by which entries refer to such fields, and packs them. Safe for threads.

    `clock` is like time.monotonic.
    """

    def __init__(self, codec: Codec, clock: Callable[[], float] = time.monotonic) -> None:
        self._codec = codec
        self._known = lru_cache(MOST)(self._plain)
        self._clock = clock
        self._since = clock()

    def stored(self, common: bytes, turn: Turn) -> tuple[bytes, bytes]:
        """Return the digest of a turn's common fields, and the fields as they are stored.

        The digest is made with the turn's key, if it has one.
        """
        key, response_id = turn.key, turn.response.id
        if key is not None:
            digest = key.digest((tag_of(response_id) or "").encode() + common)[:DIGEST_BYTES]
            return digest, self._codec.pack(common, seal_of(key, response_id, PART + digest))
        if (now := self._clock()) - self._since > SPAN_S:
            self._known.cache_clear()
            self._since = now
        make = self._known if len(common) <= LONGEST_BYTES else self._plain
        return make(turn.account, common)

    def _plain(self, _account: str, common: bytes) -> tuple[bytes, bytes]:
        digest = hashlib.blake2b(common, digest_size=DIGEST_BYTES).digest()
        return digest, self._codec.pack(common)
