"""A group of processes is known by its leader, and lives while anything of it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.up.process_groups import group_lives, signal_group
from tests.processes import until


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    process = subprocess.Popen(argv, start_new_session=True)  # noqa: S603 - the tests' own
    yield process
    process.kill()
    process.wait()


def test_what_runs_lives(leader: subprocess.Popen[bytes]) -> None:
    assert group_lives(leader.pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux shows the dead")
def test_the_dead_of_whom_nobody_has_taken_note_do_not_live(
    leader: subprocess.Popen[bytes],
) -> None:
    signal_group(leader.pid, signal.SIGKILL)
    until(lambda: not group_lives(leader.pid), "the end of the group")
    os.kill(leader.pid, 0)  # it is still there, though


def test_what_is_gone_neither_lives_nor_hears(leader: subprocess.Popen[bytes]) -> None:
    leader.kill()
    leader.wait()
    signal_group(leader.pid, signal.SIGTERM)
    assert not group_lives(leader.pid)


def test_where_nothing_shows_processes_the_group_alone_counts(
    leader: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert group_lives(leader.pid, tmp_path)
