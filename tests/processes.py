"""Processes that tests start: each ends with the block that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from threading import Event
from time import monotonic
from typing import IO

import psutil

from app.settings import environment

ROOT = Path(__file__).resolve().parent.parent
#: The command as operators give it, which imports what it needs, where `flask --app wsgi` makes the
#: whole application first.
PROGRAM = str(Path(sys.executable).with_name("responses-gateway"))

#: For how long what has to come is waited for, in seconds: far longer than it takes, as a machine
#: may be slow, or busy.
PATIENCE_S = 60

_TERM_S = 10
_POLL_S = 0.02
#: Below those of tests/redis_cluster.py.
_PORTS = range(10_000, 20_000)


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the repository's root; SIGTERM ends it, SIGKILL if that does not.

    It leads a process group of its own, so that a Ctrl-C is the tests' alone to pass on.
    """
    process = subprocess.Popen(  # noqa: S603 - only what the tests themselves name is run
        argv, env=env, cwd=ROOT, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_TERM_S)
        except subprocess.TimeoutExpired:
            kill(process)
        if process.stdout:
            process.stdout.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it has started, without a chance to tidy up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def printed(program: str) -> list[str]:
    """Run a program of Python in a process of its own; return the words that it prints.

    Raises:
        CalledProcessError: it ended with a failure.
        TimeoutExpired: it has not ended in 60 s.
    """
    result = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.split()


def uncounted() -> dict[str, str]:
    """Return this process's environment without what has coverage count another one's lines.

    MEASURED: a process that runs what tests have run in this one takes a half longer by it.
    """
    return {
        name: value for name, value in environment().items() if not name.startswith("COVERAGE_")
    }


def until(ready: Callable[[], bool], what: str) -> None:
    """Return when `ready` says so; it is asked again and again.

    Raises:
        AssertionError: it has not said so in 60 s.
    """
    deadline = monotonic() + PATIENCE_S
    idle = Event()
    while not ready():
        assert monotonic() < deadline, f"waited in vain for {what}"
        idle.wait(_POLL_S)


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago, and that nobody connects from.

    The system gives those who connect, or ask for any port, one above these: it could be taken
    before a server listens there, or while it is started anew. Drawn at random, not by `random`,
    which hypothesis seeds: other processes look for some as well.
    """
    while True:
        port = _PORTS[SystemRandom().randrange(len(_PORTS))]
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process is there and has not ended; it may go while it is looked at."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_children(process: psutil.Process) -> bool:
    """Tell whether a process is alive and has started others that are there."""
    try:
        return is_alive(process) and bool(process.children())
    except psutil.NoSuchProcess:
        return False
