"""A master changes under load, by real Sentinels or in a Cluster: nothing promised is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.processes import until
from tests.redis_cluster import Shard, running_shards
from tests.redis_sentinel import Watched, running_sentinel
from tests.store.faults import FAULTS, go_on
from tests.store.writing import Figures, Load

#: So many answers are saved before something happens.
SAVES = 100


def written(watched: Watched | Shard, directory: Path, fault: str, wait_replicas: int) -> Figures:
    """Return what became of everything that was written before, during and after a fault."""
    load = Load(watched.url, directory, wait_replicas)
    load.start()
    until(lambda: len(load.figures.saved) > SAVES, "answers to be saved")
    FAULTS[fault](watched)
    go_on()
    return load.stop()


@pytest.mark.parametrize(
    ("fault", "replicas", "wait_replicas"),
    [("planned", 2, 1), ("killed", 2, 1), ("stalled", 2, 1)],
)
def test_a_fail_over_loses_nothing_that_was_promised(
    tmp_path: Path, fault: str, replicas: int, wait_replicas: int
) -> None:
    with running_sentinel(replicas) as watched:
        figures = written(watched, tmp_path, fault, wait_replicas)
    assert (figures.lost, figures.stuck, figures.torn) == ({}, 0, 0), str(figures)


@pytest.mark.parametrize("fault", ["killed"])
def test_a_fail_over_in_a_cluster_loses_nothing_that_replicas_had(
    tmp_path: Path, fault: str
) -> None:
    with running_shards("rg:{jobs}") as shard:
        figures = written(shard, tmp_path, fault, 1)
    assert (figures.lost, figures.stuck, figures.torn) == ({}, 0, 0), str(figures)


def ears(sentinel: Any) -> int:
    """Return how many listen to a Sentinel, the servers' own Sentinels aside."""
    return len(sentinel.client_list(_type="pubsub"))


def test_a_sentinel_that_was_lost_is_listened_to_again(tmp_path: Path) -> None:
    with running_sentinel(2) as watched:
        load = Load(watched.url, tmp_path, 1)
        load.store.ping()
        until(lambda: ears(watched.sentinel) == 1, "somebody to listen")
        watched.sentinel.client_kill_filter(_type="pubsub")
        until(lambda: ears(watched.sentinel) == 1, "somebody to listen again")
        load.start()
        until(lambda: len(load.figures.saved) > SAVES, "answers to be saved")
        FAULTS["planned"](watched)
        figures = load.stop()
    assert (figures.lost, figures.stuck) == ({}, 0), str(figures)
