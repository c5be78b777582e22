"""What a process has used is on the books, also if it ended while Redis could not take it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.mortal_redis import MortalRedis
from tests.processes import until
from tests.redis_refusals import Refusing, full
from tests.upstream.client import Upstream

Fault = Callable[[MortalRedis, Path], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def killed(server: MortalRedis, _: Path) -> Iterator[None]:
    """Redis is away."""
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def refusing(server: MortalRedis, directory: Path) -> Iterator[None]:
    """Redis takes no writes."""
    with redis.Redis.from_url(server.url) as client, full(Refusing(client, directory)):
        yield


@pytest.mark.parametrize(("fault", "worker_class"), [(killed, "gevent"), (refusing, "gthread")])
def test_usage_survives_a_restart_while_redis_takes_none(
    upstream: Upstream, tmp_path: Path, fault: Fault, worker_class: str
) -> None:
    config, data = tmp_path / "gateway.toml", tmp_path / "redis"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    data.mkdir()
    with MortalRedis(data) as server:
        server.start()
        env = gateways.environment(server.url, config, UPSTREAM_KEY=UPSTREAM_KEY)
        env |= {"SPOOL_DIR": str(tmp_path / "spool")}
        key = gateways.keys(env, "create", "--account", "acme", "--budget", "1/total")["key"]
        keys = Keys(key, key)
        with contextlib.ExitStack() as away:
            with gateways.running(env, keys, tmp_path, worker_class, 1) as gateway:
                gateway.create("before", store=False)
                until(lambda: requests_of(gateway) == 1, "the first to be counted")
                away.enter_context(fault(server, data))
                for _ in range(2):
                    gateway.create("meanwhile", store=False)
            ended = gateway.logged(event="usage_spooled")
            assert ended["requests"] == 2
        with gateways.running(env, keys, tmp_path, worker_class, 1) as gateway:
            until(lambda: requests_of(gateway) == 3, "the rest to be counted")
        assert list((tmp_path / "spool").glob("*/*.usage")) == []


def requests_of(gateway: Gateway) -> int:
    """Return how many requests the key's account has made."""
    requests: int = gateway.call("GET", "/v1/usage").json()["total"]["requests"]
    return requests
