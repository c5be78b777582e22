"""A user of Redis who may call neither INFO, CONFIG, CLIENT nor SCRIPT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from app.errors import StorageUnavailable
from app.jobs.broker import WakeUpBroker
from app.jobs.consumer import QUEUE
from app.settings import RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.checks import clock_offsets, persistence
from app.store.connection.client import Client, connect
from app.store.connection.reasons import reason
from app.store.permissions import PermissionCheck, Refusals
from app.store.responses.redis import RedisStore
from app.store.spool.store_identity import StoreIdentity
from tests.redis_server import running
from tests.store.turns import saved

FORBIDDEN = ("-@admin", "-@dangerous", "-info", "-config", "-client", "-script", "-time", "-role")


@pytest.fixture
def client() -> Iterator[Client]:
    with running() as url:
        with redis.Redis.from_url(url) as operator:
            rules = ("on", ">pw", "~rg:*", "&*", "+@all", *FORBIDDEN)
            operator.execute_command("ACL", "SETUSER", "gateway", *rules)
        with connect(RedisSettings(url=url.replace("unix://", "unix://gateway:pw@"))) as client:
            yield client


#: What docs/deployment.md names, but for what a Cluster needs.
RULES = ("~rg:*", "&*", "+@all", "-@dangerous", "-@admin", "+info")


@pytest.fixture
def users_url(cluster_url: str) -> Iterator[str]:
    """The URL of a Cluster without its user, of whom there are two: `gateway` and `lost`."""
    ports = [int(each.rpartition(":")[2]) for each in cluster_url.split(",")]
    with ExitStack() as stack:
        nodes: list[Any] = [stack.enter_context(redis.Redis(port=port)) for port in ports]
        for each in nodes:
            for name, rule in (("gateway", "+cluster|slots"), ("lost", "-cluster")):
                each.execute_command("ACL", "SETUSER", name, "on", ">pw", *RULES, rule)
            stack.callback(each.execute_command, "ACL", "DELUSER", "gateway", "lost")
        yield cluster_url.replace("://", "://{}@")


def test_is_connected_to_a_cluster(users_url: str) -> None:
    with connect(RedisSettings(url=users_url.format("gateway:pw"))) as client:
        StoreIdentity(client, "rg:").probe()
        assert RedisAccountStore(client, "rg:").find("aa").key is None
        assert PermissionCheck(client, "rg:", waits=True).refusals() == Refusals()


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("lost:pw", "this Redis is no Cluster, or its user may not call CLUSTER SLOTS"),
        ("gateway:no", "WRONGPASS: Redis refuses the password"),
    ],
)
def test_is_told_why_a_cluster_does_not_open(users_url: str, user: str, why: str) -> None:
    with connect(RedisSettings(url=users_url.format(user))) as client:
        with pytest.raises(StorageUnavailable) as caught:
            RedisAccountStore(client, "rg:").find("aa")
        assert reason(caught.value) == why


def test_is_connected_and_has_programs_run(client: Client) -> None:
    StoreIdentity(client, "rg:").probe()
    assert RedisAccountStore(client, "rg:").find("aa").key is None


def test_is_told_that_a_program_may_not_do_what_it_does() -> None:
    with running() as url, redis.Redis.from_url(url) as operator:
        rules = ("on", ">pw", "~rg:*", "&*", "+@all", "-zadd")
        operator.execute_command("ACL", "SETUSER", "gateway", *rules)
        with (
            connect(RedisSettings(url=url.replace("unix://", "unix://gateway:pw@"))) as client,
            pytest.raises(StorageUnavailable) as caught,
        ):
            saved(RedisStore(client, "rg:"))
    assert reason(caught.value) == "NOPERM: the user of Redis may not do this: ZADD"


def test_has_workers_woken(client: Client) -> None:
    broker = WakeUpBroker(client, "rg:", 2, ("PUBLISH", "rg:news", "waiting"))
    broker.send(1)
    consumer: Any = broker.consume(QUEUE, timeout=0)
    assert next(consumer) is not None


def test_is_not_asked_for_what_nobody_may_tell(client: Client) -> None:
    (kept,) = persistence(client)
    assert kept.is_silent
    assert list(kept.warnings(1)) == []
    assert clock_offsets(client) == []


def test_who_may_call_client_has_a_name(redis_url: str) -> None:
    with connect(RedisSettings(url=f"{redis_url}?client_name=edge")) as client:
        assert client.client_getname() == "edge"
    with connect(RedisSettings(url=redis_url)) as client:
        assert client.client_getname() == "responses-gateway"
