"""A Redis Cluster of the tests' own: three masters on loopback, from the same binary.

They may have replicas.
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

from tests.processes import PATIENCE_S, started, until
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
        # On a busy machine a node may be silent for seconds: nobody is to take it for lost.
        nodes = _nodes(stack, MASTERS, timeout_ms=PATIENCE_S * 1000)
        yield _url(nodes)


@dataclass(frozen=True, slots=True)
class Shard:
    """A Cluster of which one master may be ended by a test, and has replicas."""

    url: str
    master: subprocess.Popen[bytes]
    client: Any
    replicas: tuple[Any, ...]

    def fail_over(self) -> None:
        """Have a replica become master, as an operator does who plans it."""
        self.replicas[0].execute_command("CLUSTER", "FAILOVER")

    def cut_off_replicas(self) -> None:
        """Have the master go on serving, and its replicas learn nothing more from it.

        So it is where its network fails a moment before it does: what it takes now is on no other.
        """
        self.client.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
        self.client.execute_command("CLIENT", "KILL", "TYPE", "replica")

    @property
    def has_moved(self) -> bool:
        """Whether a replica is master."""
        return any(each.execute_command("ROLE")[0] == b"master" for each in self.replicas)


@contextlib.contextmanager
def running_shards(key: str, replicas: int = 1, timeout_ms: int = 1000) -> Iterator[Shard]:
    """Run a Cluster where each master has so many replicas; yield the shard that has `key`."""
    with contextlib.ExitStack() as stack:
        nodes = _nodes(stack, MASTERS + MASTERS * replicas, timeout_ms)
        masters, others = nodes[:MASTERS], nodes[MASTERS:]
        for number, (_, client, _) in enumerate(others):
            master = masters[number % MASTERS]
            client.execute_command("CLUSTER", "REPLICATE", _id(master[1]))
        for _, client, _ in others:
            until(partial(_linked, client), "a replica to follow its master")
        number = masters[0][1].execute_command("CLUSTER", "KEYSLOT", key) // _SHARE
        # Every node has to know of the replicas, or it would not vote for one.
        for _, client, _ in nodes:
            until(partial(_knows_replicas, client, len(others)), "the replicas to be known")
        master, client, _ = masters[number]
        found = tuple(client for _, client, _ in others[number::MASTERS])
        yield Shard(_url(nodes), master, client, found)


Node = tuple[subprocess.Popen[bytes], Any, int]
_SHARE = -(-SLOTS // MASTERS)


def _nodes(stack: contextlib.ExitStack, count: int, timeout_ms: int) -> list[Node]:
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


def _knows_replicas(client: Any, count: int) -> bool:
    nodes = client.execute_command("CLUSTER", "NODES")
    text = nodes if isinstance(nodes, str) else str(nodes)
    return text.count("slave") == count


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
