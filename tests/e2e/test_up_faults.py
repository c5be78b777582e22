"""`up` is killed, started twice, or finds what an earlier one has left: nothing stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.cli.leftovers import MARK
from app.settings import environment
from tests.e2e.test_up import Up, bind_in, folder, up
from tests.processes import ROOT, free_port, until

__all__ = ["folder"]

_PATIENCE_S = 60


def refusal(folder: Path, **told: str) -> str:
    """Start `up` where it cannot, and return what it says."""
    env = {name: environment()[name] for name in ("PATH",)} | told
    argv = [sys.executable, "-m", "flask", "--app", str(ROOT / "wsgi.py"), "up"]
    done = subprocess.run(  # noqa: S603 - the command is the tests' own
        argv, cwd=folder, env=env, capture_output=True, check=False, text=True, timeout=_PATIENCE_S
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


def killed(gateway: Up) -> None:
    """End it as nothing else would, and all of it that is left after ten seconds."""
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    psutil.wait_procs(gateway.family, timeout=10)
    assert [each for each in gateway.family if each.is_running()] == []


def test_nothing_outlives_one_that_is_killed_and_the_next_has_its_data(folder: Path) -> None:
    with up(folder) as gateway:
        names = {each.name() for each in gateway.family}
        assert "redis-server" in names
        key = gateway.curl
        killed(gateway)
    assert "Traceback" not in (folder / "stderr").read_text("utf-8")
    with up(folder, BIND=bind_in(key)) as again:
        assert again.curl == key
        assert again.end(signal.SIGTERM) == 0


def test_the_next_waits_for_what_a_killed_one_has_left(folder: Path) -> None:
    with up(folder) as gateway:
        bind = bind_in(gateway.curl)
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait()
        with up(folder, BIND=bind) as again:
            assert again.end(signal.SIGINT) == 0
    assert "left over processes of an earlier run" in (folder / "stderr").read_text("utf-8")


def test_a_second_one_is_told_who_has_the_folder_or_the_port(folder: Path, tmp_path: Path) -> None:
    with up(folder) as gateway:
        bind = bind_in(gateway.curl)
        for other in (bind, f"127.0.0.1:{free_port()}"):
            told = refusal(folder, BIND=other)
            assert f"the gateway of this folder (pid {gateway.process.pid}) already runs" in told
        assert f"{bind} is taken: the gateway of {folder.resolve()}" in refusal(tmp_path, BIND=bind)
        assert gateway.end(signal.SIGTERM) == 0
        assert gateway.nothing_is_left()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows who it is")
def test_what_does_not_end_is_named(folder: Path) -> None:
    data = folder / "data"
    env = {MARK: str(data.resolve())}
    left = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], env=env)
    try:
        until(lambda: MARK in psutil.Process(left.pid).environ(), "the process to be itself")
        told = refusal(folder, BIND=f"127.0.0.1:{free_port()}")
    finally:
        left.kill()
        left.wait()
    assert f"another (pid {left.pid}). End them: kill {left.pid}\n" in told
