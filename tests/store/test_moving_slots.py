"""A Cluster's slot that is moved to another server, key after key, while it is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.exceptions import ClusterError, TryAgainError

from app.domain.ids import tag_of
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.round_trip import bound_to_slot, round_trip
from app.store.responses.redis import RedisStore
from tests.cluster_moves import SlotMove, masters
from tests.store.turns import ACCOUNT, first_id, next_id, turn

PREFIX = "moved:"


@pytest.fixture
def nodes(cluster_url: str) -> Iterator[list[Any]]:
    with masters(cluster_url) as nodes:
        yield nodes


@pytest.fixture
def client(cluster_url: str) -> Iterator[Any]:
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX)) as client:
        yield client


@pytest.fixture
def store(client: Any) -> RedisStore:
    return RedisStore(client, PREFIX)


def moving(nodes: list[Any], response_id: str) -> SlotMove:
    """Have the slot of a conversation be moved."""
    move = SlotMove(nodes, f"{{{tag_of(response_id)}}}")
    move.begin()
    return move


def test_what_is_kept_while_its_slot_moves_waits_for_that(
    store: RedisStore, nodes: list[Any]
) -> None:
    parent = first_id()
    store.save(turn("one", response_id=parent))
    child, position = next_id(parent), store.context(ACCOUNT, parent).position
    move = moving(nodes, parent)
    with ThreadPoolExecutor() as pool:
        saving = pool.submit(store.save, turn("two", response_id=child, parent=position))
        move.finish()
        saving.result()
    assert store.get(ACCOUNT, child).response.id == child
    assert store.get(ACCOUNT, parent).response.id == parent


def test_a_slot_that_does_not_come_to_its_end_is_a_store_that_is_away(
    store: RedisStore, nodes: list[Any]
) -> None:
    parent = first_id()
    store.save(turn("one", response_id=parent))
    position = store.context(ACCOUNT, parent).position
    move = moving(nodes, parent)
    before = move.moved
    for use in (
        lambda: store.save(turn("two", response_id=next_id(parent), parent=position)),
        lambda: store.get(ACCOUNT, parent),
        lambda: store.delete(ACCOUNT, parent),
    ):
        with pytest.raises(StorageUnavailable):
            use()
    assert (move.moved, move.twice) == (before, set())
    move.finish()
    assert store.get(ACCOUNT, parent).response.id == parent


def test_who_waits_for_replicas_waits_for_a_slot_as_well(
    cluster_url: str, nodes: list[Any]
) -> None:
    parent = first_id()
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX)) as client:
        store = RedisStore(client, PREFIX, wait_replicas=1, wait_s=0.01)
        move = moving(nodes, parent)
        with pytest.raises(StorageUnavailable):
            store.save(turn("one", response_id=parent))
        assert move.moved == set()
        move.finish()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The commands with keys that redis-py sends one by one."""
    sent: list[tuple[Any, ...]] = []
    send = RedisCluster.execute_command

    def noted(self: RedisCluster, *command: Any, **options: Any) -> Any:
        if len(command) > 1:
            sent.append(command)
        return send(self, *command, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(RedisCluster, "execute_command", noted)
    return sent


def written(client: Any) -> list[str]:
    """Write keys of one slot, and return their names."""
    slot = f"{PREFIX}{{{first_id()}}}"
    keys = [f"{slot}:{number}" for number in range(5)]
    assert round_trip(client, [("SET", key, key) for key in keys]) == [True] * 5
    return keys


def test_commands_follow_their_slot_together(
    client: Any, nodes: list[Any], alone: list[tuple[Any, ...]]
) -> None:
    keys = written(client)
    move = SlotMove(nodes, keys[0])
    move.begin()
    move.finish()
    assert round_trip(client, [("GET", key) for key in keys]) == [key.encode() for key in keys]
    assert len(alone) == 1


def test_commands_wait_for_their_slot_no_longer_than_one_does(
    client: Any, nodes: list[Any], alone: list[tuple[Any, ...]]
) -> None:
    keys = written(client)
    move = SlotMove(nodes, keys[0])
    move.begin()
    unknown = [("GET", f"{keys[0]}:{number}") for number in range(20)]
    first, *others = round_trip(client, [*unknown, ("GET", keys[-1])])
    assert isinstance(first, ClusterError)
    assert {type(each) for each in others[:-1]} == {TryAgainError}
    assert (others[-1], len(alone)) == (keys[-1].encode(), 1)
    move.finish()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("GET", "p:{a}:x"), ("GET", "p:{a}:x")),
        (("EVALSHA", "f", 1, "p:{a}:x", 5), ("EVALSHA", "f", 2, "p:{a}:x", "p:{a}:moves", 5)),
        (("EVAL", "f", 2, "{a}", "{a}y", b"z"), ("EVAL", "f", 3, "{a}", "{a}y", "{a}:moves", b"z")),
        (("EVALSHA", "f", 1, "plain", 5), ("EVALSHA", "f", 1, "plain", 5)),
        (("EVALSHA", "f", 0), ("EVALSHA", "f", 0)),
    ],
)
def test_a_program_has_a_key_more(command: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    assert bound_to_slot(command) == expected
