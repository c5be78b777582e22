"""What turns have in common, as it is stored: an agent sends the same at every step.

MEASURED: to make the digest of forty tools and to compress them took a twelfth of a step that
continues the one before. What is known of an account is found by the very bytes, none of it was
sealed, and all of it is forgotten every few minutes: a purge does not come here.
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
#: What is sealed so, with the digest behind it.
PART = b"common "
#: So many are known, each of so many bytes of JSON at most: 8 MiB, and what they become.
MOST, LONGEST_BYTES = 64, 128 * 1024
#: For how many seconds: then it is made anew, once, if it still comes.
SPAN_S = 300.0


class CommonFields:
    """Makes the digest by which entries name such fields, and packs them. Safe for threads.

    `clock` is like time.monotonic.
    """

    def __init__(self, codec: Codec, clock: Callable[[], float] = time.monotonic) -> None:
        self._codec = codec
        self._known = lru_cache(MOST)(self._plain)
        self._clock = clock
        self._since = clock()

    def stored(self, common: bytes, turn: Turn) -> tuple[bytes, bytes]:
        """Return the digest of a turn's common fields, which is made with its key where it has one,
        and the fields as they are stored.
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
