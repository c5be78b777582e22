"""The command of the worker process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.worker.command import work


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give the suite its own signals back."""
    kept = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, kept)


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that the process turns into."""
    command: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _, argv: command.extend(argv))
    return command


def run(**environ: str) -> Result:
    return CliRunner().invoke(work, env=environ)


def test_it_becomes_its_master(become: list[str]) -> None:
    run()
    assert become == [sys.executable, "-P", "-m", "app.cli.worker.master_process"]


def test_settings_that_cannot_be_used_are_said() -> None:
    result = run(WORKER_LEASE_S="soon")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The worker cannot start: WORKER_LEASE_S must be a number of seconds above 0\n"
    )


def test_with_background_disabled_there_is_nothing_to_do() -> None:
    Path("gateway.toml").write_text("[background]\nenabled = false\n", "utf-8")
    result = run()
    assert result.exit_code == 1
    assert "Background responses are disabled" in result.stderr
