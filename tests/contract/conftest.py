"""The stores that the suite is run against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from tests.memory_stores.responses import MemoryStore

prefixes = (f"test{number}:" for number in count())


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest) -> Iterator[ResponseStore]:
    """A store that holds nothing yet."""
    if request.param == "memory":
        yield MemoryStore()
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield RedisStore(client, next(prefixes))
