"""A Redis Cluster of the tests' own: three masters on loopback, from the same binary."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tests.processes import started, until
from tests.redis_server import binary

SLOTS = 16384
MASTERS = 3

#: A node listens for its peers this much above its own port, which may not pass 65,535.
_BUS = 10_000
_LOWEST, _HIGHEST = 20_000, 32_000  # below the ports that the system hands out


@contextlib.contextmanager
def running_cluster() -> Iterator[str]:
    """Run a Cluster and yield its URL."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        ports = _free_ports()
        clients = [stack.enter_context(_node(port, home / str(port))) for port in ports]
        share = -(-SLOTS // MASTERS)
        for epoch, client in enumerate(clients, 1):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", epoch)
            slots = range(SLOTS)[(epoch - 1) * share : epoch * share]
            client.execute_command("CLUSTER", "ADDSLOTS", *slots)
        for client, port in ((client, port) for client in clients for port in ports):
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", port)
        until(lambda: all(map(_whole, clients)), "the Cluster to be whole")
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


@contextlib.contextmanager
def _node(port: int, home: Path) -> Iterator[Any]:
    home.mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", ""]
    cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
    argv = [str(binary()), *options, *cluster]
    with (
        started(argv, stdout=subprocess.DEVNULL),
        redis.Redis(port=port, protocol=2) as client,
    ):
        until(lambda: _answers(client), "a node of the Cluster to answer")
        yield client


def _answers(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def _whole(client: Any) -> bool:
    told = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in told and f"cluster_known_nodes:{MASTERS}".encode() in told


def _free_ports() -> list[int]:
    found: list[int] = []
    for port in range(_LOWEST, _HIGHEST):
        if _is_free(port) and _is_free(port + _BUS):
            found.append(port)
        if len(found) == MASTERS:
            return found
    raise AssertionError("no free ports for a Cluster")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
