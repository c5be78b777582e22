"""What `up` had started is ended when `up` has gone, Redis last, however slow the others are."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from app.cli.up import reaper
from app.settings import environment
from tests.processes import started

Start = Callable[[str], subprocess.Popen[bytes]]
_PAUSES = "import signal; signal.pause()"
#: Says when it hears nothing of SIGTERM, as a web process does whose streams run.
_STAYS = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # what a shell starts with & ignores it
print("deaf", flush=True)
signal.pause()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs in groups of their own."""
    with ExitStack() as stack:

        def begin(code: str) -> subprocess.Popen[bytes]:
            argv = [sys.executable, "-S", "-c", code]
            return stack.enter_context(started(argv, stdout=subprocess.PIPE))

        yield begin


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """Keep what this process does with signals."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def reaped(monkeypatch: pytest.MonkeyPatch, say: Callable[[socket.socket], object]) -> None:
    """Have the process's `main` run to its end, once the other end has said something and gone."""
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(sys, "argv", ["reaper", str(theirs.detach())])
    with ours:
        say(ours)
    reaper.main()


def line(name: str, process: subprocess.Popen[bytes]) -> bytes:
    return f'["{name}", {process.pid}]\n'.encode()


@pytest.mark.usefixtures("_own_signals")
def test_each_ends_as_it_must_and_redis_last(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    web, worker, redis = (start(_PAUSES) for _ in range(3))
    asked: list[int] = []
    kill = os.kill

    def noted(pid: int, number: int) -> None:
        if number == signal.SIGTERM:
            asked.append(pid)
        kill(pid, number)

    monkeypatch.setattr(os, "kill", noted)
    lines = line("web", web) + line("redis", redis) + line("worker", worker)
    reaped(monkeypatch, lambda ours: ours.sendall(lines))
    ends = [each.wait() for each in (web, worker, redis)]
    assert ends == [-signal.SIGTERM, -signal.SIGKILL, -signal.SIGTERM]
    assert asked == [web.pid, redis.pid]


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize(("kill_s", "end"), [(60.0, signal.SIGQUIT), (0.0, signal.SIGKILL)])
def test_what_does_not_end_is_told_more_plainly_and_then_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch, kill_s: float, end: int
) -> None:
    soon = {"web": [(0.0, signal.SIGTERM), (0.01, signal.SIGQUIT)]}
    monkeypatch.setattr(reaper, "PLANS", soon)
    monkeypatch.setattr(reaper, "KILL_S", kill_s)
    web = start(_STAYS)
    assert web.stdout is not None
    assert web.stdout.readline() == b"deaf\n"
    reaped(monkeypatch, lambda ours: ours.sendall(line("web", web)))
    assert web.wait() == -end


@pytest.mark.usefixtures("_own_signals")
def test_once_all_is_done_nothing_is_left_to_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = start(_PAUSES)
    reaped(monkeypatch, lambda ours: ours.sendall(line("web", web) + b"done"))
    assert web.poll() is None


@pytest.mark.usefixtures("_own_signals")
def test_what_they_write_is_read_to_the_end(
    start: Start, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    web, threads = start("print('last words')"), list[threading.Thread]()
    assert web.stdout is not None
    output, thread = web.stdout.fileno(), threading.Thread

    def kept(*args: Any, **more: Any) -> threading.Thread:
        threads.append(thread(*args, **more))
        return threads[-1]

    monkeypatch.setattr(threading, "Thread", kept)
    web.wait()
    reaped(monkeypatch, lambda ours: socket.send_fds(ours, [line("web", web)], [output]))
    for each in threads:
        each.join()
    assert "last words" in capfd.readouterr().err


def test_who_is_reaped_is_told_to_a_process_that_ends_with_the_block(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def noted(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
        programs.append(begin(argv, **more))
        return programs[-1]

    web = start(_PAUSES)
    monkeypatch.setattr(subprocess, "Popen", noted)
    with suppress(KeyError), reaper.reaping(environment()) as register:
        register("web", web.pid, None)
        raise KeyError
    assert programs[0].returncode == 0
    assert web.poll() is None
