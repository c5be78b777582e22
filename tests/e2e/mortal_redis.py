"""A Redis that dies without warning and comes back with what it had acknowledged."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from tests.gateway_threads import HOME_PREFIX
from tests.processes import started, until
from tests.redis_server import binary


class MortalRedis:
    """Keeps its data in `directory`, each write before it is acknowledged, unless `fsync` is
    another of appendfsync's words. Ends with its block.
    """

    def __init__(self, directory: Path, fsync: str = "always") -> None:
        self._stack = contextlib.ExitStack()
        # Socket paths end at 107 bytes, which pytest's own directories can exceed.
        home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix=HOME_PREFIX))
        self._socket = f"{home}/redis.sock"
        self._options = {
            "--port": "0",
            "--unixsocket": self._socket,
            "--dir": str(directory),
            "--logfile": "redis.log",
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": fsync,
        }
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
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
        argv = [str(binary()), *(word for option in self._options.items() for word in option)]
        self._process = self._stack.enter_context(started(argv, stdout=subprocess.DEVNULL))
        until(self._answers, "Redis to answer")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def out_of_reach(self) -> Iterator[redis.Redis]:
        """Yield a client of it, at an address that no gateway knows."""
        known = self._socket
        self._socket = self._options["--unixsocket"] = f"{known}.aside"
        try:
            self.start()
            with redis.Redis(unix_socket_path=self._socket, decode_responses=True) as client:
                yield client
            self.kill()
        finally:
            self._socket = self._options["--unixsocket"] = known

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=self._socket) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
