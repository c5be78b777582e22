"""How many bytes each account has stored: a counter in Redis.

On a single server, programs that store or destroy change it in the same step. On a Cluster the
account's key may be on another server than the conversation: the client changes it in a step of its
own, and if it dies in between the counter is off by that one response.
"""

from __future__ import annotations

from typing import Any

from redis.cluster import RedisCluster

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.keys import Keys


class StoredBytes:
    """Reads the counters, and changes them for programs that could not."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._redis: Any = client
        self._keys = keys
        self._is_cluster = isinstance(client, RedisCluster)

    def of(self, account: str) -> int:
        """Return how many bytes an account has stored. Raises StorageUnavailable."""
        with translated():
            return int(self._redis.get(self._keys.stored(account)) or 0)

    def keys(self, account: str) -> list[str]:
        """Return the key that programs get after a conversation's index; none on a Cluster."""
        return [] if self._is_cluster else [self._keys.stored(account)]

    def follow(self, account: str, change: int) -> None:
        """Change the counter on a Cluster. Raises what redis-py raises."""
        if self._is_cluster and change:
            self._redis.incrby(self._keys.stored(account), change)
