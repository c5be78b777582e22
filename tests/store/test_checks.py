"""Facts about how a Redis keeps what it is given."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.checks import Persistence, clock_offsets, persistence
from app.store.connection.client import connect
from tests.redis_server import running


def checked(url: str) -> list[Persistence]:
    with connect(RedisSettings(url=url)) as client:
        return persistence(client)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (
            ["--maxmemory-policy", "allkeys-lru"],
            Persistence("Redis", "allkeys-lru", appends=False, snapshots=False, min_replicas=0),
        ),
        (
            ["--save", "60", "1"],
            Persistence("Redis", "noeviction", appends=False, snapshots=True, min_replicas=0),
        ),
        (
            ["--appendonly", "yes"],
            Persistence("Redis", "noeviction", appends=True, snapshots=None, min_replicas=0),
        ),
        (
            ["--replicaof", "127.0.0.1", "1", "--min-replicas-to-write", "2"],
            Persistence("Redis", "noeviction", False, False, is_master=False, min_replicas=2),
        ),
    ],
)
def test_a_redis_tells_how_it_keeps(tmp_path: Path, options: list[str], kept: Persistence) -> None:
    with running(*options, directory=tmp_path) as url:
        assert checked(url) == [kept]


def test_a_redis_may_refuse_to_tell_all() -> None:
    with running("--rename-command", "CONFIG", "") as url:
        assert checked(url) == [Persistence("Redis", "noeviction", appends=False, snapshots=None)]


def test_a_redis_tells_how_full_it_is() -> None:
    with running("--maxmemory", "1gb") as url:
        (kept,) = checked(url)
    assert 0 < kept.memory < 0.1


@pytest.mark.parametrize(("ahead_s", "offset"), [(0, 0), (-60, 60), (90, -90)])
def test_how_far_the_clocks_are_apart(redis_url: str, ahead_s: float, offset: float) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        ((_, found),) = clock_offsets(client, lambda: time.time() + ahead_s)
    assert found == pytest.approx(offset, abs=1)


def test_every_master_of_a_cluster_tells(cluster_url: str) -> None:
    assert len({kept.server for kept in checked(cluster_url)}) == 3


def test_a_redis_that_is_away_tells_nothing() -> None:
    with pytest.raises(StorageUnavailable):
        checked("redis://127.0.0.1:1")


@pytest.mark.parametrize(
    ("kept", "warnings"),
    [
        (Persistence("r", "noeviction", appends=True, snapshots=None), []),
        (Persistence("r", "noeviction", appends=False, snapshots=True), []),
        (Persistence("r", "noeviction", appends=False, snapshots=None), []),
        (
            Persistence("r", "noeviction", appends=False, snapshots=False),
            ["r keeps nothing on disk: set appendonly to yes."],
        ),
        (Persistence("r", "noeviction", appends=True, snapshots=None, memory=0.89), []),
        (
            Persistence("r", "noeviction", appends=True, snapshots=None, memory=0.93),
            [
                "r has taken 93% of its maxmemory: raise maxmemory, or make room with responses "
                "purge."
            ],
        ),
        (
            Persistence("r", "noeviction", appends=True, snapshots=None, evicted=3),
            [
                "r has thrown away 3 keys since it was started: responses may be among them; set "
                "maxmemory-policy to noeviction."
            ],
        ),
        (
            Persistence("r", "allkeys-lru", appends=True, snapshots=None),
            [
                "r throws data away when its memory is full: set maxmemory-policy to noeviction "
                "(it is allkeys-lru)."
            ],
        ),
    ],
)
def test_what_could_lose_responses_is_warned_of(kept: Persistence, warnings: list[str]) -> None:
    assert [str(each) for each in kept.warnings()] == warnings


SAFE = Persistence("r", "noeviction", appends=True, snapshots=None, replicas=2, min_replicas=1)


@pytest.mark.parametrize(
    ("kept", "wait_replicas", "warned_of"),
    [
        (SAFE, 1, None),
        (replace(SAFE, min_replicas=None), 2, None),
        (SAFE, 0, "wait_replicas is 0"),
        (SAFE, 3, "nothing can be promised"),
        (replace(SAFE, replicas=0), 0, None),
        (replace(SAFE, min_replicas=0), 1, "min-replicas-to-write"),
        (replace(SAFE, is_master=False, replicas=0), 1, "is a replica"),
    ],
)
def test_what_a_fail_over_could_lose_is_warned_of(
    kept: Persistence, wait_replicas: int, warned_of: str | None
) -> None:
    warnings = [str(each) for each in kept.warnings(wait_replicas)]
    assert len(warnings) == (warned_of is not None)
    assert warned_of is None or warned_of in warnings[0]
