"""The command of the worker process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.worker import work


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that the process turns into."""
    command: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _, argv: command.extend(argv))
    return command


def run(**environ: str) -> Result:
    return CliRunner().invoke(work, env=environ)


def test_it_becomes_one_process_of_dramatiq_with_a_thread_for_each_job(become: list[str]) -> None:
    run(WORKER_CONCURRENCY="7")
    assert become[:3] == [sys.executable, "-m", "app.jobs"]
    told = dict(zip(become[4::2], become[5::2], strict=True))
    assert (told["--processes"], told["--threads"]) == ("1", "7")


def test_it_has_its_grace_and_some_time_to_give_jobs_back(become: list[str]) -> None:
    Path("gateway.toml").write_text("[background]\ngrace_s = 10\n", "utf-8")
    run()
    assert become[become.index("--worker-shutdown-timeout") + 1] == "15000"


def test_settings_that_cannot_be_used_are_said() -> None:
    told = run(WORKER_LEASE_S="soon")
    assert told.exit_code == 1
    assert told.stderr == (
        "Error: The worker cannot start: WORKER_LEASE_S must be a number of seconds above 0\n"
    )


def test_with_background_disabled_there_is_nothing_to_do() -> None:
    Path("gateway.toml").write_text("[background]\nenabled = false\n", "utf-8")
    told = run()
    assert told.exit_code == 1
    assert "Background responses are disabled" in told.stderr
