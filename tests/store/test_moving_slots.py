"""A Cluster's slot that is moved to another server, key after key, while it is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from app.domain.ids import tag_of
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.round_trip import bound_to_slot
from app.store.responses.redis import RedisStore
from tests.store.turns import ACCOUNT, first_id, next_id, turn

PREFIX = "moved:"


class Move:
    """A slot on its way from the server that has it to another."""

    def __init__(self, nodes: list[Any], key: str) -> None:
        self._nodes = nodes
        self._slot = nodes[0].execute_command("CLUSTER", "KEYSLOT", key)
        masters = [
            line.split() for line in nodes[0].execute_command("CLUSTER", "NODES").splitlines()
        ]
        of_port = {int(words[1].partition(b"@")[0].rpartition(b":")[2]): words for words in masters}
        self._ids = [of_port[each.get_connection_kwargs()["port"]][0] for each in nodes]
        ranges = [of_port[each.get_connection_kwargs()["port"]][8:] for each in nodes]
        self._from = next(i for i, words in enumerate(ranges) if self._is_in(words))
        self._to = (self._from + 1) % len(nodes)

    def _is_in(self, ranges: list[bytes]) -> bool:
        bounds = [each.partition(b"-") for each in ranges if not each.startswith(b"[")]
        return any(int(low) <= self._slot <= int(high or low) for low, _, high in bounds)

    def keys(self, number: int) -> set[bytes]:
        """Return which keys of the slot a server has."""
        found: list[bytes] = self._nodes[number].execute_command(
            "CLUSTER", "GETKEYSINSLOT", self._slot, 1000
        )
        return set(found)

    def begin(self) -> None:
        """Say that it moves, and move one key."""
        source, target = self._nodes[self._from], self._nodes[self._to]
        target.execute_command("CLUSTER", "SETSLOT", self._slot, "IMPORTING", self._ids[self._from])
        source.execute_command("CLUSTER", "SETSLOT", self._slot, "MIGRATING", self._ids[self._to])
        self._take(sorted(self.keys(self._from))[:1])

    def finish(self) -> None:
        """Move what is left."""
        self._take(sorted(self.keys(self._from)))
        for each in self._nodes:
            each.execute_command("CLUSTER", "SETSLOT", self._slot, "NODE", self._ids[self._to])

    @property
    def twice(self) -> set[bytes]:
        """Which keys are in both places."""
        return self.keys(self._from) & self.keys(self._to)

    @property
    def moved(self) -> set[bytes]:
        """Which keys have arrived."""
        return self.keys(self._to)

    def _take(self, keys: list[bytes]) -> None:
        if not keys:
            return
        port = self._nodes[self._to].get_connection_kwargs()["port"]
        self._nodes[self._from].execute_command(
            "MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys
        )


@pytest.fixture
def nodes(cluster_url: str) -> Iterator[list[Any]]:
    ports = [int(each.rpartition(":")[2]) for each in cluster_url.split(",")]
    with ExitStack() as stack:
        yield [stack.enter_context(redis.Redis(port=port, protocol=2)) for port in ports]


@pytest.fixture
def store(cluster_url: str) -> Iterator[RedisStore]:
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX)) as client:
        yield RedisStore(client, PREFIX)


def moving(nodes: list[Any], response_id: str) -> Move:
    """Have the slot of a conversation be moved."""
    move = Move(nodes, f"{{{tag_of(response_id)}}}")
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
