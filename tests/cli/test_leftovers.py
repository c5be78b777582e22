"""What an earlier `up` has left is known by a mark in its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli.common import processes
from app.cli.up import leftovers
from app.cli.up.leftovers import (
    MARK,
    PATIENCE_S,
    LeftOver,
    LeftoverProcess,
    await_left_over,
    gateway_at,
    left_over,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(tmp_path: Path) -> Path:
    """A folder like /proc, without a process."""
    running = tmp_path / "proc"
    running.mkdir()
    (running / "self").mkdir()
    return running


def begin(running: Path, pid: int, command: str, **environ: str) -> None:
    process = running / str(pid)
    process.mkdir()
    (process / "cmdline").write_bytes(b"\0".join(command.encode().split()))
    variables = [f"{name}={value}".encode() for name, value in environ.items()]
    (process / "environ").write_bytes(b"\0".join([b"PATH=/bin", *variables, b""]))


def test_what_has_the_mark_of_the_folder_is_left_over(running: Path, folder: Path) -> None:
    marked = {MARK: str(folder)}
    begin(running, 1, "redis-server *:0", **marked)
    begin(running, 2, "python -m gunicorn -c gunicorn.conf.py", **marked)
    begin(running, 3, " ".join(processes.worker_process(5)), **marked)
    begin(running, 4, "python -m gunicorn")
    begin(running, 5, "python -m gunicorn", **{MARK: str(folder) + "2"})
    begin(running, os.getpid(), "up", **marked)
    (running / "6").mkdir()  # has just gone
    assert left_over(folder, running) == [
        LeftoverProcess(1, "redis-server"),
        LeftoverProcess(2, "web"),
        LeftoverProcess(3, "worker"),
    ]


def test_the_gateway_that_has_an_address_is_found(running: Path, folder: Path) -> None:
    begin(running, 2, "python -m gunicorn", BIND="127.0.0.1:8000", **{MARK: "/srv/data"})
    assert gateway_at("127.0.0.1:8000", running) == "/srv/data (pid 2)"
    assert gateway_at("127.0.0.1:8001", running) is None


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[LeftoverProcess]:
    """What is left, to be changed by the test."""
    left: list[LeftoverProcess] = []
    monkeypatch.setattr(leftovers, "left_over", lambda _: list(left))
    return left


def test_what_ends_by_itself_is_waited_for(left: list[LeftoverProcess], folder: Path) -> None:
    left.append(LeftoverProcess(7, "web"))
    said: list[str] = []
    await_left_over(folder, said.append, lambda _: left.clear())
    assert said == ["Waiting for left over processes of an earlier run to end: web (pid 7)"]


def test_what_does_not_end_is_an_error_that_names_it(
    left: list[LeftoverProcess], folder: Path
) -> None:
    left += [LeftoverProcess(8, "redis-server"), LeftoverProcess(7, "web")]
    waited: list[float] = []
    with pytest.raises(LeftOver, match=r"redis-server \(pid 8\), web \(pid 7\). End .*: kill 8 7$"):
        await_left_over(folder, lambda _: None, waited.append)
    assert sum(waited) == pytest.approx(PATIENCE_S, abs=0.5)


def test_a_redis_that_is_left_alone_is_no_hindrance(
    left: list[LeftoverProcess], folder: Path
) -> None:
    left.append(LeftoverProcess(8, "redis-server"))
    said: list[str] = []
    await_left_over(folder, said.append, lambda _: None)
    assert said == []
