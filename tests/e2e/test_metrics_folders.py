"""The folders of counters that killed processes leave behind go with the next start."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.cli.common import processes
from app.cli.common.processes import METRICS_PREFIX, metrics_folder
from tests.processes import ROOT, free_port, started, until


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory of this process and of those that it starts."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["web", "worker"])
def argv(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = getattr(processes, request.param)()
    return command


def folders(temporary: Path) -> set[Path]:
    """Return the folders that a process has made, and marked as its own."""
    return {each.parent for each in temporary.glob(f"{METRICS_PREFIX}*/in-use")}


@contextlib.contextmanager
def running(
    argv: list[str], environment: dict[str, str], temporary: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a master, and yield it with its folder."""
    env = environment | {
        "BIND": f"127.0.0.1:{free_port()}",
        "WORKER_METRICS_BIND": f"127.0.0.1:{free_port()}",
        "WEB_CONCURRENCY": "1",
        "SPOOL_DIR": str(temporary / "spool"),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(ROOT),
    }
    before = folders(temporary)
    with started(argv, env=env, stderr=subprocess.DEVNULL) as process:
        until(lambda: bool(folders(temporary) - before), "its folder")
        (own,) = folders(temporary) - before
        yield process, own


def kill(master: subprocess.Popen[bytes]) -> None:
    """Kill a master and its processes at once, as the OOM killer does in a container."""
    everyone = psutil.Process(master.pid).children(recursive=True)
    os.killpg(master.pid, signal.SIGKILL)
    master.wait()
    psutil.wait_procs(everyone)


def test_the_next_start_removes_what_was_left(
    argv: list[str], environment: dict[str, str], temporary: Path
) -> None:
    with running(argv, environment, temporary) as (master, left):
        kill(master)
    assert left.exists()
    with running(argv, environment, temporary) as (_, own):
        until(lambda: not left.exists(), "the other to go")
        with running(argv, environment, temporary) as (_, another):
            assert folders(temporary) == {own, another}


def test_what_may_be_in_use_stays(temporary: Path) -> None:
    earlier = temporary / f"{METRICS_PREFIX}of-an-earlier-release"
    earlier.mkdir()
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "in-use").touch()
    (temporary / f"{METRICS_PREFIX}link").symlink_to(elsewhere)
    with metrics_folder() as first, metrics_folder() as second:
        assert {Path(first), Path(second)} < folders(temporary)
    assert earlier.exists()
    assert (elsewhere / "in-use").exists()


def test_without_locks_nothing_is_removed(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system may have none: a gateway must start all the same."""
    left = temporary / f"{METRICS_PREFIX}left"
    left.mkdir()
    (left / "in-use").touch()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with metrics_folder() as own:
        assert folders(temporary) == {left}
        assert Path(own).is_dir()
