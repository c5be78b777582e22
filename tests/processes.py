"""Processes that tests start: each ends with the block that started it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO

ROOT = Path(__file__).resolve().parent.parent

_TERM_S = 10
_READY_S = 30
_POLL_S = 0.02


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the repository's root; SIGTERM ends it, SIGKILL if that does not."""
    process = subprocess.Popen(argv, env=env, cwd=ROOT, stdout=stdout, stderr=stderr)  # noqa: S603 - only what the tests themselves name is run
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_TERM_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def until(ready: Callable[[], bool], what: str) -> None:
    """Return when `ready` says so; it is asked again and again.

    Raises:
        AssertionError: it has not said so in 30 s.
    """
    deadline = monotonic() + _READY_S
    idle = Event()
    while not ready():
        assert monotonic() < deadline, f"waited in vain for {what}"
        idle.wait(_POLL_S)


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
