"""A Redis Cluster of the tests' own: three masters on loopback, from the same binary.

They may have a replica each.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

import redis

from tests.processes import started, until
from tests.redis_server import binary

SLOTS = 16384
MASTERS = 3

#: A node listens for its peers this much above its own port.
_BUS = 10_000
#: Both are below the ports that the system hands out, one of which somebody may connect from.
_LOWEST, _HIGHEST = 20_000, 22_700


@contextlib.contextmanager
def running_cluster() -> Iterator[str]:
    """Run a Cluster without replicas and yield its URL."""
    with contextlib.ExitStack() as stack:
        nodes = _nodes(stack, MASTERS)
        yield _url(nodes)


@dataclass(frozen=True, slots=True)
class Pair:
    """A Cluster of which one master may be ended by a test, and has a replica."""

    url: str
    master: subprocess.Popen[bytes]
    replica: Any

    def fail_over(self) -> None:
        """Have the replica become master, as an operator does who plans it."""
        self.replica.execute_command("CLUSTER", "FAILOVER")

    @property
    def has_moved(self) -> bool:
        """Whether the replica is master."""
        return bool(self.replica.execute_command("ROLE")[0] == b"master")


@contextlib.contextmanager
def running_pairs(key: str) -> Iterator[Pair]:
    """Run a Cluster where each master has a replica; yield the pair that has `key`."""
    with contextlib.ExitStack() as stack:
        nodes = _nodes(stack, 2 * MASTERS, timeout_ms=1000)
        masters, replicas = nodes[:MASTERS], nodes[MASTERS:]
        for master, replica in zip(masters, replicas, strict=True):
            _, client, _ = replica
            client.execute_command("CLUSTER", "REPLICATE", _id(master[1]))
        for _, client, _ in replicas:
            until(partial(_linked, client), "a replica to follow its master")
        slot = masters[0][1].execute_command("CLUSTER", "KEYSLOT", key)
        number = slot // _SHARE
        # Every node has to know of the replica, or it would not vote for it.
        for _, client, _ in nodes:
            until(partial(_knows_replicas, client), "the replicas to be known")
        yield Pair(_url(nodes), masters[number][0], replicas[number][1])


Node = tuple[subprocess.Popen[bytes], Any, int]
_SHARE = -(-SLOTS // MASTERS)


def _nodes(stack: contextlib.ExitStack, count: int, timeout_ms: int = 2000) -> list[Node]:
    """Start nodes that know each other; the first of them share the slots."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
    ports = _free_ports(count)
    nodes = [stack.enter_context(_node(port, home / str(port), timeout_ms)) for port in ports]
    for epoch, (_, client, _) in enumerate(nodes, 1):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        slots = range(SLOTS)[(epoch - 1) * _SHARE : epoch * _SHARE]
        if slots:
            client.execute_command("CLUSTER", "ADDSLOTS", *slots)
    for _, client, _ in nodes:
        for port in ports:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", port)
    until(lambda: all(_whole(client, count) for _, client, _ in nodes), "the Cluster to be whole")
    return nodes


def _url(nodes: Sequence[Node]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for _, _, port in nodes)


def _id(client: Any) -> str:
    node_id: bytes = client.execute_command("CLUSTER", "MYID")
    return node_id.decode()


def _linked(client: Any) -> bool:
    return bool(client.info("replication").get("master_link_status") == "up")


def _knows_replicas(client: Any) -> bool:
    nodes = client.execute_command("CLUSTER", "NODES")
    text = nodes if isinstance(nodes, str) else str(nodes)
    return text.count("slave") == MASTERS


@contextlib.contextmanager
def _node(port: int, home: Path, timeout_ms: int) -> Iterator[Node]:
    home.mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", ""]
    cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(timeout_ms)]
    cluster += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
    argv = [str(binary()), *options, *cluster]
    with (
        started(argv, stdout=subprocess.DEVNULL) as process,
        redis.Redis(port=port, protocol=2) as client,
    ):
        until(lambda: _answers(client), "a node of the Cluster to answer")
        yield process, client, port


def _answers(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def _whole(client: Any, count: int) -> bool:
    result = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in result and f"cluster_known_nodes:{count}\r".encode() in result


def _free_ports(count: int) -> list[int]:
    """Return ports that are free, drawn at random: other runs of tests look for some as well."""
    found: list[int] = []
    for port in SystemRandom().sample(range(_LOWEST, _HIGHEST), _HIGHEST - _LOWEST):
        if _is_free(port) and _is_free(port + _BUS):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports for a Cluster")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
