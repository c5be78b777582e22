"""Clients of Redis: how they are made, and what they do when it stalls or dies."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from app.domain.turns.turn import Turn
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.checks import servers
from app.store.connection.client import connect
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from tests.processes import PATIENCE_S, until
from tests.redis_cluster import running_cluster
from tests.redis_server import running
from tests.store.turns import ACCOUNT, saved

NOWHERE = ["redis://127.0.0.1:1", "unix:///nowhere.sock", "redis+cluster://127.0.0.1:1"]


@pytest.mark.parametrize(
    "url", [*NOWHERE, "redis+sentinel://127.0.0.1:1/main", "rediss+sentinel://127.0.0.1:1/main"]
)
def test_a_client_that_is_made_opens_nothing(url: str) -> None:
    connect(RedisSettings(url=url)).close()


@pytest.mark.parametrize("url", [*NOWHERE, "redis+sentinel://127.0.0.1:1/main"])
def test_a_redis_that_is_not_there_is_told_at_once(url: str) -> None:
    with connect(RedisSettings(url=url)) as client, pytest.raises(StorageUnavailable):
        RedisStore(client, "rg:").ping()


@pytest.mark.parametrize("prefix", ["{rg}:", "rg}"])
def test_a_prefix_that_would_choose_a_slot_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="REDIS_PREFIX"):
        connect(RedisSettings(prefix=prefix))


def test_a_connection_tells_who_it_is(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        names = {each["name"] for each in client.client_list()}
    assert "responses-gateway" in names


def test_a_database_is_chosen(redis_url: str) -> None:
    with connect(RedisSettings(url=f"{redis_url}?db=5")) as client:
        assert client.client_info()["db"] == 5


def test_more_callers_than_connections_wait_for_one(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url, pool_size=2)) as client:
        store = RedisStore(client, "rg:")
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda _: saved(store), range(100)))


def test_a_cluster_takes_more_callers_than_connections(cluster_url: str) -> None:
    with connect(RedisSettings(url=cluster_url, pool_size=2)) as client:
        store = RedisStore(client, "rg:")
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda _: saved(store), range(100)))


# stalls


class MuteServer:
    """Never says a word to those who connect, which they do though nobody accepts them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._accepted: list[socket.socket] = []

    def connections(self) -> int:
        """Return how many have come so far."""
        with suppress(BlockingIOError):
            while True:
                self._accepted.append(self._listener.accept()[0])
        return len(self._accepted)

    def close(self) -> None:
        self._listener.close()
        for each in self._accepted:
            each.close()


@pytest.fixture
def mute() -> Iterator[MuteServer]:
    with closing(MuteServer()) as server:
        yield server


@pytest.fixture
def muted(mute: MuteServer) -> Iterator[RedisStore]:
    """A store whose Redis says nothing."""
    settings = RedisSettings(url=f"redis://127.0.0.1:{mute.port}", timeout_s=0.1)
    with connect(settings) as client:
        yield RedisStore(client, "rg:")


def refused(store: ResponseStore) -> bool:
    """Return whether the store says that it is away."""
    try:
        store.ping()
    except StorageUnavailable:
        return True
    return False


def test_a_time_out_is_not_tried_again(muted: RedisStore, mute: MuteServer) -> None:
    assert refused(muted)
    assert mute.connections() == 1


def test_after_one_time_out_others_do_not_wait(muted: RedisStore, mute: MuteServer) -> None:
    assert refused(muted)
    assert all(refused(muted) for _ in range(100))
    assert mute.connections() == 1


def test_after_a_rest_one_tries_again(
    muted: RedisStore, mute: MuteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.connection.breaker.REST_S", 0.0)
    assert [refused(muted) for _ in range(3)] == [True] * 3
    assert mute.connections() == 3


def test_callers_that_wait_for_a_connection_do_not_wait_again_for_an_answer(
    mute: MuteServer,
) -> None:
    url = f"redis://127.0.0.1:{mute.port}"
    with (
        connect(RedisSettings(url=url, timeout_s=0.3, pool_size=2)) as client,
        ThreadPoolExecutor(20) as threads,
    ):
        store = RedisStore(client, "rg:")
        assert all(threads.map(lambda _: refused(store), range(20)))
    assert mute.connections() <= 2


def saved_at(url: str) -> Turn:
    """Return a turn that is kept in a Redis, by a client that waits for as long as it takes."""
    with connect(RedisSettings(url=url, timeout_s=PATIENCE_S)) as patient:
        return saved(RedisStore(patient, "rg:"))


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """Stall every server of a Redis that this test started."""
    with connect(RedisSettings(url=url, timeout_s=PATIENCE_S)) as patient:
        pids = [node.info("server")["process_id"] for _, node in servers(patient)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def found(store: ResponseStore, kept: Turn) -> bool:
    try:
        return store.get(ACCOUNT, kept.response.id) == kept
    except StorageUnavailable:
        return False


def test_a_redis_that_goes_on_is_used_again() -> None:
    with running() as url, connect(RedisSettings(url=url, timeout_s=0.2)) as client:
        store, kept = RedisStore(client, "rg:"), saved_at(url)
        until(lambda: found(store, kept), "the store to be there")
        with stopped(url):
            assert refused(store)
        until(lambda: found(store, kept), "the store to come back")
        client.connection_pool.get_connection()  # the one that tried; another is needed now
        until(lambda: found(store, kept), "what was kept")


def test_a_cluster_that_stalls_keeps_no_queue_of_callers_waiting() -> None:
    with (
        running_cluster() as url,
        connect(RedisSettings(url=url, timeout_s=0.2, connect_timeout_s=0.2)) as client,
        ThreadPoolExecutor(50) as threads,
    ):
        store, kept = RedisStore(client, "rg:"), saved_at(url)
        with stopped(url):
            callers = list(threads.map(lambda _: found(store, kept), range(200)))
        assert not any(callers)
        until(lambda: found(store, kept), "the store to come back")


def test_what_was_kept_is_there_after_redis_was_killed_and_started_again(tmp_path: Path) -> None:
    with (
        running("--appendonly", "yes", directory=tmp_path) as url,
        connect(RedisSettings(url=url)) as client,
    ):
        kept = saved(RedisStore(client, "rg:"))
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    with (
        running("--appendonly", "yes", directory=tmp_path) as url,
        connect(RedisSettings(url=url)) as client,
    ):
        assert RedisStore(client, "rg:").get(ACCOUNT, kept.response.id) == kept
