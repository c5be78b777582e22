"""A Redis with replicas, and a Sentinel that watches them, from the same binary."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.processes import free_port, started, until
from tests.redis_server import binary

SERVICE = "main"


@dataclass(frozen=True, slots=True)
class Watched:
    """`url` goes through the Sentinel. The processes may be ended by a test."""

    url: str
    master: subprocess.Popen[bytes]
    replica: subprocess.Popen[bytes]
    sentinel: Any
    master_port: int = 0

    def fail_over(self) -> None:
        """Have the Sentinel make a replica master, as an operator does who plans it.

        One that has begun to watch a moment ago does not know yet which replica is any good.
        """
        until(self._takes_over, "the Sentinel to know a good replica")

    def _takes_over(self) -> bool:
        try:
            self.sentinel.execute_command("SENTINEL", "FAILOVER", SERVICE)
        except redis.ResponseError as refusal:
            if "NOGOODSLAVE" not in str(refusal):
                raise
            return False
        return True

    @property
    def has_moved(self) -> bool:
        """Whether the Sentinel calls another server master than at first."""
        named = self.sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(named[1]) != self.master_port


@contextlib.contextmanager
def running_sentinel(replicas: int = 1) -> Iterator[Watched]:
    """Run all of them until the block ends."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sentinel-")))
        first = free_port()
        master, _ = stack.enter_context(_server(home, first))
        others = []
        for _ in range(replicas):
            server = _server(home, free_port(), "--replicaof", *_at(first))
            other, client = stack.enter_context(server)
            until(_linked(client), "the replica")
            others.append(other)
        own = free_port()  # as late as can be: others take ports, too
        sentinel = stack.enter_context(_sentinel(home, own, first, replicas))
        url = f"redis+sentinel://127.0.0.1:{own}/{SERVICE}"
        yield Watched(url, master, others[0], sentinel, first)


def _linked(client: Any) -> Callable[[], bool]:
    return lambda: bool(client.info("replication")["master_link_status"] == "up")


def _at(port: int) -> tuple[str, str]:
    return "127.0.0.1", str(port)


@contextlib.contextmanager
def _server(home: Path, port: int, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    argv = [str(binary()), *where, "--save", ""]
    quick = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
    with (
        started([*argv, *quick, *options], stdout=subprocess.DEVNULL) as process,
        redis.Redis(port=port, protocol=2) as client,
    ):
        until(lambda: _answers(client), "Redis to answer")
        yield process, client


@contextlib.contextmanager
def _sentinel(home: Path, port: int, master_port: int, replicas: int) -> Iterator[Any]:
    config = home / "sentinel.conf"
    config.write_text(
        f"port {port}\n"
        "bind 127.0.0.1\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {master_port} 1\n"
        # Less, and a busy machine fails over again and again.
        f"sentinel down-after-milliseconds {SERVICE} 1000\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    with (
        started([binary(), config, "--sentinel"], stdout=subprocess.DEVNULL),
        redis.Redis(port=port, protocol=2) as client,
    ):
        sentinel: Any = client
        until(lambda: _answers(sentinel), "the Sentinel to answer")
        until(
            lambda: len(sentinel.sentinel_slaves(SERVICE)) == replicas,
            "the Sentinel to see the replicas",
        )
        yield sentinel


def _answers(client: Any) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(client.ping())
    return False
