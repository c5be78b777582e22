"""A key closed by one process is closed on the others, and what a dead Redis changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errors import StorageUnavailable, Unauthenticated
from app.services.accounts.service import Accounts
from app.settings import LimitSettings
from app.store.accounts.redis import RedisAccountStore
from tests.processes import free_port, until
from tests.redis_server import running


@contextmanager
def process(url: str, prefix: str) -> Iterator[Accounts]:
    """Yield the accounts as a process of their own would have them, on its own connection."""
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
        yield Accounts(RedisAccountStore(client, prefix), LimitSettings())


def refused(accounts: Accounts, secret: str) -> bool:
    try:
        accounts.authenticate(secret)
    except Unauthenticated:
        return True
    return False


def test_a_key_closed_by_one_process_is_closed_on_another(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with process(redis_url, prefix) as operator, process(redis_url, prefix) as server:
        key, secret = operator.create_key("acme", by="ops")
        server.authenticate(secret)
        operator.deactivate(key.id, by="ops")
        until(lambda: refused(server, secret), "the key to be refused")


def test_a_key_used_on_one_process_is_listed_as_used_on_another(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with process(redis_url, prefix) as operator, process(redis_url, prefix) as server:
        _, secret = operator.create_key("acme", by="ops")
        server.authenticate(secret)
        assert operator.keys()[0].last_used_at is not None


def test_a_known_key_becomes_stale_when_redis_dies() -> None:
    with ExitStack() as clients:
        with running() as url:
            server = clients.enter_context(process(url, "rg:"))
            _, secret = server.create_key("acme", by="ops")
            server.authenticate(secret)
        until(lambda: server.authenticate(secret).stale, "the key to be stale")


def test_a_key_that_was_not_used_before_redis_died_cannot_be_known() -> None:
    with ExitStack() as clients:
        with running() as url:
            server = clients.enter_context(process(url, "rg:"))
            _, secret = server.create_key("acme", by="ops")
        with pytest.raises(StorageUnavailable):
            server.authenticate(secret)


def test_a_key_works_again_when_redis_is_back(tmp_path: Path) -> None:
    port = free_port()
    options = ("--port", str(port), "--appendonly", "yes")
    with process(f"redis://127.0.0.1:{port}", "rg:") as server:
        with running(*options, directory=tmp_path):
            _, secret = server.create_key("acme", by="ops")
            server.authenticate(secret)
        until(lambda: server.authenticate(secret).stale, "the key to be stale")
        with running(*options, directory=tmp_path):
            until(lambda: not server.authenticate(secret).stale, "the key to be good")
