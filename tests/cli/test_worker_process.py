"""A process of the worker goes by the settings that its master's first line says."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.common import processes
from app.cli.worker import startup as worker_process
from app.cli.worker.child import read_fault
from app.jobs.process import Channel
from app.settings import Settings

TOML = "gateway.toml"


class Started:
    """What was made a worker of, and what its master was to hear."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []
        self.ready: tuple[str, ...] = ()

    def create(self, settings: Settings, _channel: Channel, work_queue: object) -> Started:
        assert work_queue is not None
        self.settings.append(settings)
        return self

    def run(self, *ready: str) -> None:
        self.ready = ready


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_process, "create_worker", made.create)
    for each in ("leave_no_core", "catch_uncaught", "collect_seldom", "gather_counts"):
        monkeypatch.setattr(worker_process, each, lambda: None)
    monkeypatch.setattr(worker_process, "listen", lambda _level, _form: None)
    return made


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The master's end of a process's socket."""
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(sys, "argv", ["worker_process", str(theirs.detach())])
    with ours:
        yield ours


def begin(master: socket.socket, line: str) -> None:
    master.sendall(line.encode() + b"\n")
    worker_process.main(on_threads=True)


def lines(master: socket.socket, count: int) -> list[str]:
    """Return the next lines that a process has sent."""
    with master.makefile("r", encoding="utf-8") as sent:
        return [sent.readline().rstrip("\n") for _ in range(count)]


def write_toml(toml: str) -> None:
    Path(TOML).write_text(toml, "utf-8")


def test_a_fresh_one_reads_the_file(master: socket.socket, made: Started) -> None:
    write_toml("[background]\ndrain_s = 7\ngrace_s = 2.5\n")
    begin(master, "fresh")
    assert made.settings[0].background.drain_s == 7
    assert made.ready[:2] == ("7", "2.5")


def test_one_in_place_of_another_goes_by_what_that_had(
    master: socket.socket, made: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toml("[background]\ndrain_s = 7\n")
    begin(master, "fresh")
    write_toml("[background]\ndrain_s = 8\n")
    again, theirs = socket.socketpair()
    monkeypatch.setattr(sys, "argv", ["worker_process", str(theirs.detach())])
    with again:
        begin(again, f"kept {made.ready[2]}")
    assert [each.background.drain_s for each in made.settings] == [7, 7]


@pytest.mark.parametrize("kept", ["", "bm9uc2Vuc2U=", "gASVBQAAAAAAAABLAUsCSwOHlC4="])
def test_what_another_release_has_kept_is_read_anew(
    master: socket.socket, made: Started, kept: str
) -> None:
    write_toml("[background]\ndrain_s = 8\n")
    begin(master, f"kept {kept}")
    assert made.settings[0].background.drain_s == 8


@pytest.mark.parametrize(
    ("toml", "reason", "file", "line"),
    [
        ("drain = 8", "[background] drain is not a setting (did you mean drain_s?)", TOML, 2),
        ("enabled = false", "[background] enabled is false: there is nothing to do.", None, None),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(
    master: socket.socket, made: Started, toml: str, reason: str, file: str | None, line: int | None
) -> None:
    write_toml(f"[background]\n{toml}\n")
    with pytest.raises(SystemExit, match="78"):
        begin(master, "fresh")
    fault, refused = lines(master, 2)
    assert fault.startswith("fault ")
    assert read_fault(fault.removeprefix("fault ")) == {
        "file": file,
        "line": line,
        "reason": reason,
    }
    assert refused.startswith("refused ")
    assert reason in refused
    assert made.settings == []


def test_a_file_that_has_gone_is_refused_by_who_is_to_read_it_again(
    master: socket.socket, made: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toml("[background]\ndrain_s = 7\n")
    begin(master, "fresh")
    Path("gateway.toml").unlink()
    again, theirs = socket.socketpair()
    monkeypatch.setattr(sys, "argv", ["worker_process", str(theirs.detach())])
    with again, pytest.raises(SystemExit, match="78"):
        begin(again, f"again {made.ready[2]}")


def test_the_master_of_any_release_starts_what_any_other_has() -> None:
    # Up or down, a reload deploys (docs/upgrades.md): masters that are out there have this name.
    assert processes.worker_process(5)[1:] == ["-P", "-m", "app.cli.worker.process", "5"]
