"""The stores that the suite is run against."""

from __future__ import annotations

from itertools import count

import pytest

from app.settings import RedisSettings
from app.store.base import ResponseStore
from app.store.connect import connect
from app.store.memory import MemoryStore
from app.store.redis import RedisStore

_prefixes = (f"test{number}:" for number in count())


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> ResponseStore:
    """A store that holds nothing yet."""
    if request.param == "memory":
        return MemoryStore()
    url = request.getfixturevalue("redis_url")
    return RedisStore(connect(RedisSettings(url=url)), next(_prefixes))
