"""gunicorn's --check-config and --print-config, which load the gateway and end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.serving.master.options import given_to_check
from tests.processes import PATIENCE_S

ROOT = Path(__file__).parents[2]
SECRETS = {
    "OPENAI_API_KEY": "sk-hunter-2222222222",
    "GATEWAY_SECRET": "hunter-2222222222222222222222222222",
    "REDIS_URL": "redis://:hunter-2@127.0.0.1:1/0",
}


def checked(
    folder: Path, options: list[str], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), *options]
    own = {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT), "SPOOL_DIR": str(folder / "spool")}
    return subprocess.run(  # noqa: S603 - the suite's own gunicorn
        argv,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=PATIENCE_S,
        env={**own, **SECRETS, **environ},
    )


@pytest.mark.parametrize("option", ["--check-config", "--print-config"])
def test_a_check_ends_well_and_leaves_nothing(tmp_path: Path, option: str) -> None:
    result = checked(tmp_path, [option], {})
    assert (result.returncode, result.stderr) == (0, "")
    assert ("graceful_timeout" in result.stdout) == (option == "--print-config")
    assert "hunter" not in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_admitted_leaves_connections_for_others(tmp_path: Path) -> None:
    """Else nobody would be let in beside it, not even a probe."""
    config = tmp_path / "gateway.toml"
    config.write_text("[requests]\nmax_in_flight = 3000\n[websocket]\nmax_sessions = 6000\n")
    result = checked(tmp_path, ["--print-config"], {"GATEWAY_CONFIG": str(config)})
    (line,) = [each for each in result.stdout.splitlines() if "worker_connections" in each]
    assert int(line.split("=")[1]) >= 3000 + 6000 + 1000


def test_counters_of_who_serves_are_left_to_them(tmp_path: Path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    environ = {
        "PROMETHEUS_MULTIPROC_DIR": str(counters),
        "WORKER_CLASS": "gthread",
        "GUNICORN_CMD_ARGS": "--check-config",
    }
    assert checked(tmp_path, [], environ).returncode == 0
    assert list(counters.iterdir()) == []


def test_a_check_says_in_a_sentence_why_nothing_could_be_served(tmp_path: Path) -> None:
    result = checked(tmp_path, ["--check-config", "-k", "gevent"], {})
    assert result.returncode == 1
    assert result.stderr.startswith("The gateway cannot start: leave out gunicorn's -k")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "variable", "checks"),
    [
        (["wsgi:app"], "", False),
        (["--check-config"], "", True),
        (["--print-c", "wsgi:app"], "", True),
        (["-w", "2"], "--check", True),
        (["--", "--check-config"], "--workers 2", False),
    ],
)
def test_what_gunicorn_is_to_do_is_read_as_gunicorn_reads_it(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str, checks: bool
) -> None:
    monkeypatch.setattr("sys.argv", ["gunicorn", *arguments])
    assert (given_to_check({"GUNICORN_CMD_ARGS": variable}) is not None) == checks
