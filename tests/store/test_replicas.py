"""A Redis with a replica under a Sentinel: what is confirmed, and what a fail-over loses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.base import ResponseStore, Turn, Unconfirmed
from app.store.connect import Client, connect
from app.store.redis import RedisStore
from app.store.spool_delivery import SpoolDelivery
from app.store.spool_folders import SpoolFolders
from app.store.spooling import SpoolingStore
from app.store.store_identity import StoreIdentity
from tests.processes import until
from tests.redis_sentinel import Watched, running_sentinel
from tests.store.turns import ACCOUNT, saved, turn

SAVES = 60


@pytest.fixture
def watched() -> Iterator[Watched]:
    with running_sentinel() as watched:
        yield watched


@pytest.fixture
def client(watched: Watched) -> Iterator[Client]:
    settings = RedisSettings(url=watched.url, timeout_s=1, connect_timeout_s=0.5)
    with connect(settings) as client:
        yield client


@pytest.fixture
def store(client: Client) -> RedisStore:
    """A store that wants one replica to have what it keeps."""
    return RedisStore(client, "rg:", wait_replicas=1, wait_s=0.2)


def found(store: ResponseStore, kept: Turn) -> bool:
    try:
        return store.get(ACCOUNT, kept.response.id) == kept
    except StorageUnavailable:
        return False


def test_a_response_that_the_replica_has_is_confirmed(watched: Watched) -> None:
    with connect(RedisSettings(url=watched.url, timeout_s=30)) as client:
        patient = RedisStore(client, "rg:", wait_replicas=1, wait_s=20)
        assert found(patient, saved(patient))


def test_a_response_that_no_replica_has_is_kept_but_not_confirmed(
    store: RedisStore, watched: Watched
) -> None:
    watched.replica.kill()
    watched.replica.wait()
    kept = turn()
    with pytest.raises(Unconfirmed, match="0 of 1 replicas"):
        store.save(kept)
    assert found(store, kept)


def test_a_fail_over_loses_no_answer_that_was_promised(
    store: RedisStore, client: Client, watched: Watched, tmp_path: Path
) -> None:
    delivery = SpoolDelivery(
        store, StoreIdentity(client, "rg:"), SpoolFolders(tmp_path), lambda _account: True
    )
    delivery.start()
    spooling = SpoolingStore(store, delivery)
    turns = [turn(str(number)) for number in range(SAVES)]

    def save(number: int) -> bool:
        if number == SAVES // 3:
            watched.master.kill()
        return spooling.save(turns[number])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(save, range(SAVES)))
    until(lambda: found(spooling, turns[0]), "the other one to take over")
    assert all(found(spooling, kept) for kept in turns)


def test_a_cluster_is_asked_for_the_replicas_of_the_responses_own_master(
    cluster_url: str,
) -> None:
    with connect(RedisSettings(url=cluster_url)) as client:
        store = RedisStore(client, "rg:", wait_replicas=1, wait_s=0.05)
        kept = turn()
        with pytest.raises(Unconfirmed):
            store.save(kept)
        assert found(store, kept)
