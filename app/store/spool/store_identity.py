"""The store's identity, and whether it takes writes: what the spool must know of it.

A store is what one Redis keeps under one prefix. Its id is kept there too, created by the first
process that comes, and moves with the data: a copy or a restored backup is the same store; a Redis
that was emptied is another one, and so is a backup from before the id was created.
"""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Any

from app.errors import StorageUnavailable
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.keys import Keys

_ID_BYTES = 12


def _minted() -> str:
    return "store_" + token_hex(_ID_BYTES)


class StoreIdentity:
    """The id of the store behind a client. Every method raises StorageUnavailable."""

    def __init__(self, client: Client, prefix: str, mint: Callable[[], str] = _minted) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._mint = mint

    def read(self) -> str:
        """Return the id; create it if there is none yet."""
        key = self._keys.store_id
        with translated():
            found: bytes | None = self._redis.get(key)
            if found is None:
                self._redis.set(key, self._mint(), nx=True)
                found = self._redis.get(key)
        if found is None:
            raise StorageUnavailable("Redis was emptied a moment ago.", retry_after_s=1)
        return found.decode()

    def look(self) -> None:
        """Check that the store can be read, whether or not it has an id."""
        with translated():
            self._redis.get(self._keys.store_id)

    def probe(self) -> None:
        """Check that the store takes a write; raise StorageUnavailable if not."""
        with translated():
            self._redis.set(self._keys.write_probe, b"")
