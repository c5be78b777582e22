"""The worker's master keeps one process at work; those here say what a real one says, no more.

Each test has a master in a process of its own: it takes the signals.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from app.cli.worker.master import Master
from app.settings import environment
from tests.processes import PATIENCE_S, started, until

_MASTER = """
import subprocess, sys
from app.cli.worker import master

silence_s, *codes = sys.argv[1:]
master.AT_ONCE_S = master.SHORT_LIFE_S = 0.0
master.SILENCE_S = float(silence_s)
master.LOOK_S = master.SPARE_S = 0.1

def start(channel):
    # -S: nothing but the standard library. Each code is for one process, the last for all others.
    code = codes.pop(0) if len(codes) > 1 else codes[0]
    if not code:
        raise OSError(11, "Resource temporarily unavailable")
    argv = [sys.executable, "-S", "-c", code, str(channel.fileno())]
    return subprocess.Popen(argv, pass_fds=[channel.fileno()])

sys.exit(master.Master(start).run())
"""
_SAYS = """
import signal, socket, sys, threading, time
channel = socket.socket(fileno=int(sys.argv[1]))
def say(line): channel.sendall(line.encode() + b"\\n")
orders = channel.makefile()
def beat():
    while True:
        say("idle 0")
        time.sleep(0.1)
first = orders.readline()
"""
_WORKS = (
    _SAYS
    + """
print("begins with", first, flush=True)
say("ready 100 0.1 settings")
threading.Thread(target=beat, daemon=True).start()
for order in orders:
    print("hears", order, flush=True)
    if order.strip() in ("drain", "hurry"):
        sys.exit()
"""
)
_DIES = _SAYS + 'say("ready 100 0.1 settings"); sys.exit(70)'
_FALLS_SILENT = _SAYS + 'say("ready 100 0.1 settings"); signal.pause()'
_REFUSES = _SAYS + 'say("refused gateway.toml, line 2: it is broken"); sys.exit(78)'
_HANGS_UP = (
    _SAYS
    + """
say("ready 0 0 x")
orders.close()
channel.close()
print("has hung up", flush=True)
time.sleep(3600)
"""
)
_NEVER_ENDS = _SAYS + 'say("ready 0 0 x"); threading.Thread(target=beat).start(); orders.read()'


class Run:
    """A master under way."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def says(self, text: str, count: int = 1) -> None:
        until(lambda: self._log.read_text().count(text) >= count, text)

    def has_said(self, text: str) -> bool:
        return text in self._log.read_text()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@contextlib.contextmanager
def master(log: Path, *codes: str, silence_s: float = 60.0) -> Iterator[Run]:
    """Run a master that starts these processes, one after the other.

    One that is silent for longer than `silence_s` seconds stands still: a busy machine's may be for
    a while.
    """
    argv = [sys.executable, "-c", _MASTER, str(silence_s), *codes]
    with (
        log.open("wb") as file,
        started(argv, env=environment(), stdout=file, stderr=file) as process,
    ):
        yield Run(process, log)


def test_a_process_that_dies_is_replaced_by_one_with_the_last_good_settings(log: Path) -> None:
    with master(log, _DIES, _WORKS) as run:
        run.says("begins with kept settings")
        assert run.end() == 0
    assert "worker_died" in log.read_text()


def test_a_process_that_dies_before_it_works_is_an_error_too(log: Path) -> None:
    with master(log, _DIES, "raise SystemExit(3)", _WORKS) as run:
        run.says("begins with kept settings")
        assert run.end() == 0
    errors = [line for line in log.read_text().splitlines() if "worker_died" in line]
    assert ["status=3" in each or '"status":3' in each for each in errors] == [False, True]


def test_a_process_that_stands_still_is_replaced(log: Path) -> None:
    with master(log, _FALLS_SILENT, _WORKS, silence_s=0.5) as run:
        run.says("begins with kept settings")
        assert run.end() == 0


def test_a_process_that_drains_by_itself_is_replaced_while_it_does(log: Path) -> None:
    gives_up = (
        _SAYS
        + """
say("ready 100 0.1 settings")
say("draining")
for each in orders: print("old hears", each, flush=True)
"""
    )
    with master(log, gives_up, _WORKS) as run:
        run.says("begins with kept settings")
        assert not run.has_said("worker_gone")
        run.process.terminate()
        run.says("old hears drain")
        run.process.terminate()
        assert run.process.wait(PATIENCE_S) == 0


def test_the_first_process_that_cannot_start_ends_the_master(log: Path) -> None:
    with master(log, _REFUSES) as run:
        assert run.process.wait(PATIENCE_S) == 1
    assert "gateway.toml, line 2: it is broken" in log.read_text()


def test_a_machine_that_has_no_process_to_give_is_asked_again(log: Path) -> None:
    with master(log, "", _WORKS, "", _WORKS) as run:
        run.says("begins with fresh")
        run.process.send_signal(signal.SIGHUP)
        run.says("Resource temporarily unavailable", count=2)
        assert not run.has_said("hears drain")
        run.process.send_signal(signal.SIGHUP)
        run.says("begins with again")
        assert run.end() == 0


def test_a_reload_that_is_refused_leaves_the_one_before(log: Path) -> None:
    with master(log, _WORKS, _REFUSES) as run:
        run.says("begins with fresh")
        run.process.send_signal(signal.SIGHUP)
        run.says("config_reload_failed")
        assert not run.has_said("hears drain")
        assert run.end() == 0
        assert run.has_said("hears drain")


def test_the_one_before_drains_once_the_fresh_one_is_ready(log: Path) -> None:
    with master(log, _WORKS) as run:
        run.says("begins with fresh")
        run.process.send_signal(signal.SIGHUP)
        run.says("begins with again settings")
        run.says("hears drain")
        run.says("config_reloaded")
        assert run.end() == 0


def test_what_does_not_end_in_its_time_is_killed(log: Path) -> None:
    with master(log, _NEVER_ENDS) as run:
        run.says("worker_started")
        assert run.end() == 0
        assert run.has_said("worker_killed")


def test_one_that_has_hung_up_is_killed_once_and_keeps_nobody_busy(log: Path) -> None:
    with master(log, _HANGS_UP) as run:
        run.says("has hung up")
        before = cpu_s(run.process)
        sleep(0.5)
        assert cpu_s(run.process) - before < 0.1
        assert run.end() == 0
        assert log.read_text().count("worker_killed") == 1


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def test_a_second_signal_hurries(log: Path) -> None:
    stays = _SAYS + 'say("ready 100 0.1 s")\nfor each in orders: print("hears", each, flush=True)'
    with master(log, stays) as run:
        run.says("worker_started")
        run.process.terminate()
        run.says("hears drain")
        run.process.terminate()
        run.says("hears hurry")
        assert run.process.wait(PATIENCE_S) == 0


class Bench:
    """A master in this process, of a process that says it is ready, and nothing more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.cli.worker.master.LOOK_S", 0.0)
        self.now, self.kills = 0.0, 0
        self.woken, self._wakes = socket.socketpair()
        self._master = Master(self._start, lambda: self.now)
        self._master._fresh("fresh")
        self.look(1)

    def _start(self, channel: socket.socket) -> Any:
        channel.sendall(b"ready 100 0.1 settings\n")
        self._channel = channel.dup()
        return SimpleNamespace(pid=1, poll=lambda: None, kill=self._kill)

    def _kill(self) -> None:
        self.kills += 1

    def look(self, after_s: float) -> None:
        """Have the master look after its process, so much later."""
        self.now += after_s
        self._master._once(self.woken)

    def close(self) -> None:
        """Close the sockets."""
        for each in (self.woken, self._wakes, self._channel, self._master._all[0].channel):
            each.close()


def test_a_process_that_stood_still_with_its_master_has_its_time_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with contextlib.closing(Bench(monkeypatch)) as bench:
        bench.look(1000)
        for _ in range(12):
            bench.look(5)
        assert bench.kills == 0
        bench.look(5)
        assert bench.kills == 1
