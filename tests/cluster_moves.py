"""Slots of a Cluster that are moved to another server, as `redis-cli --cluster reshard` does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import redis


@contextmanager
def masters(url: str) -> Iterator[list[Any]]:
    """Yield a client of each master of a Cluster."""
    ports = [int(each.rpartition(":")[2]) for each in url.split(",")]
    with ExitStack() as stack:
        nodes: list[Any] = [
            stack.enter_context(redis.Redis(port=port, protocol=2)) for port in ports
        ]
        yield [each for each in nodes if each.execute_command("ROLE")[0] == b"master"]


def _port_in(words: list[bytes]) -> int:
    """Return the port of a node by its line in CLUSTER NODES."""
    return int(words[1].partition(b"@")[0].rpartition(b":")[2])


class SlotMove:
    """The slot of a key, on its way from the master that has it to the next of these."""

    def __init__(self, nodes: list[Any], key: str | bytes) -> None:
        self._nodes = nodes
        self._slot = nodes[0].execute_command("CLUSTER", "KEYSLOT", key)
        lines = nodes[0].execute_command("CLUSTER", "NODES").splitlines()
        known = {_port_in(words): words for words in map(bytes.split, lines)}
        own = [known[each.get_connection_kwargs()["port"]] for each in nodes]
        self._ids = [words[0] for words in own]
        ranges = [words[8:] for words in own]
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
        others = [each for each in self._nodes if each is not self._nodes[self._to]]
        for each in (self._nodes[self._to], *others):
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
