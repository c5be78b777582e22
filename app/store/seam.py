"""The one place where redis-py's exceptions become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisClusterException, RedisError

from app.errors import StorageUnavailable


@contextmanager
def translated() -> Iterator[None]:
    """Raise StorageUnavailable in place of whatever redis-py raises inside."""
    try:
        yield
    except (RedisError, RedisClusterException) as fault:
        raise StorageUnavailable("The store is away; try again soon.", retry_after_s=1) from fault
