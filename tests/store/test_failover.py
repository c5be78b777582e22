"""A master changes under load, by real Sentinels or in a Cluster: nothing promised is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.round_trip import round_trip
from app.store.connection.sentinel_watch import MasterWatch
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
    # Planned, one of two replicas may confirm to who hears of it too late what the other has not.
    [("planned", 2, 2), ("killed", 2, 1), ("stalled", 2, 1)],
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
    # One replica that became master would leave none to confirm: each answer would wait in vain.
    with running_shards("rg:{jobs}", replicas=2) as shard:
        figures = written(shard, tmp_path, fault, 1)
    assert (figures.lost, figures.stuck, figures.torn) == ({}, 0, 0), str(figures)


def test_a_sentinel_that_was_lost_is_listened_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed, events = list[int](), list[str]()
    monkeypatch.setattr(MasterWatch, "subscribed", noted(MasterWatch.subscribed, subscribed))
    monkeypatch.setattr(MasterWatch, "receive", noted(MasterWatch.receive, events, at=1))
    with running_sentinel() as watched, connect(RedisSettings(url=watched.url)) as client:
        round_trip(client, [("PING",)])
        until(lambda: len(subscribed) == 1, "somebody to listen")
        watched.sentinel.client_kill_filter(_type="pubsub")
        until(lambda: len(subscribed) == 2, "somebody to listen again")
        FAULTS["planned"](watched)
        until(lambda: "+switch-master" in events, "somebody to hear of it")
    assert events.index("+failover-state-send-slaveof-noone") < events.index("+switch-master")


def noted(method: Callable[..., Any], into: list[Any], at: int = 0) -> Callable[..., Any]:
    """Return a method that notes one of its arguments once it is done."""

    def call(self: MasterWatch, *arguments: Any) -> None:
        method(self, *arguments)
        into.append(arguments[at])

    return call
