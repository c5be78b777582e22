"""How many bytes each account has stored: a number beside what it counts.

On one server, whatever stores or destroys changes it in the same step. On a Cluster the account's
key has another server than the conversation: the client follows with a step of its own, and one
that dies in between leaves the number off by that one response.
"""

from __future__ import annotations

from typing import Any

from redis.cluster import RedisCluster

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.keys import Keys


class StoredBytes:
    """Reads the numbers, and follows programs that could not change them."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._redis: Any = client
        self._keys = keys
        self._is_cluster = isinstance(client, RedisCluster)

    def of(self, account: str) -> int:
        """Return how many bytes an account has stored. Raises StorageUnavailable."""
        with translated():
            return int(self._redis.get(self._keys.stored(account)) or 0)

    def keys(self, account: str) -> list[str]:
        """Return the key that a program takes behind a conversation's index, where it can."""
        return [] if self._is_cluster else [self._keys.stored(account)]

    def follow(self, account: str, change: int) -> None:
        """Change the number where a program could not. Raises what redis-py raises."""
        if self._is_cluster and change:
            self._redis.incrby(self._keys.stored(account), change)
