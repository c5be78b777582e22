"""Facts about how a Redis keeps what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.checks import Keeping, keeping
from app.store.connect import connect
from tests.redis_server import running


def asked(url: str) -> list[Keeping]:
    with connect(RedisSettings(url=url)) as client:
        return keeping(client)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (
            ["--maxmemory-policy", "allkeys-lru"],
            Keeping("Redis", "allkeys-lru", appends=False, snapshots=False),
        ),
        (["--save", "60", "1"], Keeping("Redis", "noeviction", appends=False, snapshots=True)),
        (["--appendonly", "yes"], Keeping("Redis", "noeviction", appends=True, snapshots=None)),
    ],
)
def test_a_redis_tells_how_it_keeps(tmp_path: Path, options: list[str], kept: Keeping) -> None:
    with running(*options, directory=tmp_path) as url:
        assert asked(url) == [kept]


def test_a_redis_may_refuse_to_tell_all() -> None:
    with running("--rename-command", "CONFIG", "") as url:
        assert asked(url) == [Keeping("Redis", "noeviction", appends=False, snapshots=None)]


def test_every_master_of_a_cluster_tells(cluster_url: str) -> None:
    assert len({kept.server for kept in asked(cluster_url)}) == 3


def test_a_redis_that_is_away_tells_nothing() -> None:
    with pytest.raises(StorageUnavailable):
        asked("redis://127.0.0.1:1")


@pytest.mark.parametrize(
    ("kept", "warnings"),
    [
        (Keeping("r", "noeviction", appends=True, snapshots=None), []),
        (Keeping("r", "noeviction", appends=False, snapshots=True), []),
        (Keeping("r", "noeviction", appends=False, snapshots=None), []),
        (
            Keeping("r", "noeviction", appends=False, snapshots=False),
            ["r keeps nothing on disk: set appendonly to yes."],
        ),
        (
            Keeping("r", "allkeys-lru", appends=True, snapshots=None),
            [
                "r throws data away when its memory is full: set maxmemory-policy to noeviction "
                "(it is allkeys-lru)."
            ],
        ),
    ],
)
def test_what_could_lose_responses_is_warned_of(kept: Keeping, warnings: list[str]) -> None:
    assert list(kept.warnings()) == warnings
