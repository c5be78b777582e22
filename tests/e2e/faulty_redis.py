"""A Redis that can be made to fail in every way that one fails, and to recover from it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from tests.processes import free_port, started, until
from tests.redis_server import binary

_NOBODY = ("127.0.0.1", 1)


class FaultyRedis:
    """Listens on `port`, keeps its data in `directory`, each write before it is acknowledged."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start it, with what it had."""
        options = {
            "--port": str(self.port),
            "--dir": str(self._directory),
            "--logfile": "redis.log",
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": "always",
        }
        argv = [str(binary()), *(word for option in options.items() for word in option)]
        self._process = self._stack.enter_context(started(argv, stdout=subprocess.DEVNULL))
        until(self._answers, "Redis to answer")
        self._admin = redis.Redis(port=self.port, single_connection_client=True)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stall(self) -> None:
        """Have it do nothing, with every connection open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on with what has come meanwhile."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def set(self, **settings: object) -> None:
        """Set what its configuration has, by their names with _ for -."""
        for name, value in settings.items():
            self._admin.config_set(name.replace("_", "-"), value)

    def fill(self) -> None:
        """Have it be full: it refuses what takes memory."""
        self.set(maxmemory=1)

    def lose_its_disk(self) -> None:
        """Have it fail to save, so that it refuses writes."""
        # Nothing can take the name of a folder.
        (self._directory / "dump.rdb").mkdir()
        self.set(save="3600 1")
        self._admin.set("saved", 1)
        self._admin.bgsave()
        until(lambda: self._saved() == "err", "a save to fail")

    def find_its_disk(self) -> None:
        """Have it save again."""
        (self._directory / "dump.rdb").rmdir()
        self._admin.bgsave()
        until(lambda: self._saved() == "ok", "a save to succeed")
        self.set(save="")

    def follow_nobody(self) -> None:
        """Have it be a replica, of a master that is not there."""
        self._admin.replicaof(*_NOBODY)

    def lead(self) -> None:
        """Have it be a master."""
        self._admin.replicaof("NO", "ONE")

    def full_house(self) -> None:
        """Have it take no connection, and end those that there are."""
        self.set(maxclients=1)
        self._end_connections()

    def change_password(self) -> None:
        """Have it ask for a password that nobody knows, and end the connections that there are."""
        self.set(requirepass="new")
        self._end_connections()

    def _end_connections(self) -> None:
        for kind in ("normal", "pubsub"):
            self._admin.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def _saved(self) -> str:
        saved: str = self._admin.info("persistence")["rdb_last_bgsave_status"]
        return saved

    def _answers(self) -> bool:
        with redis.Redis(port=self.port) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
