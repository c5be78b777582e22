"""`flask --app wsgi up`: from an empty folder to an answer, and back to nothing."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import pytest

from app.settings import environment
from tests.processes import ROOT, free_port, until

_PATIENCE_S = 60
#: What a process keeps of the developer's environment: nothing that the gateway reads.
_KEPT = ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@dataclass(frozen=True, slots=True)
class Up:
    """A running `up`. `curl` is the command that it printed."""

    process: subprocess.Popen[str]
    curl: list[str]
    family: list[psutil.Process]

    def member(self, name: str) -> psutil.Process:
        """Return the one process of the family with this word in its command."""
        (found,) = [each for each in self.family if _leads(each, name)]
        return found

    def end(self, how: signal.Signals) -> int:
        """Ask it to end; return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(_PATIENCE_S)

    def nothing_is_left(self) -> bool:
        """Tell whether every process that it ever had has ended."""
        return not any(
            each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in self.family
        )


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def up(folder: Path, **told: str) -> Iterator[Up]:
    """Run `up` in a folder, until it has printed its curl command."""
    kept = {name: value for name, value in environment().items() if name in _KEPT}
    env = kept | {"BIND": f"127.0.0.1:{free_port()}", "WEB_CONCURRENCY": "1"} | told
    argv = [sys.executable, "-m", "flask", "--app", str(ROOT / "wsgi.py"), "up"]
    with (folder / "stderr").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is the tests' own
            argv, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            curl = _curl(process.stdout)
            assert curl, (folder / "stderr").read_text("utf-8")
            family = psutil.Process(process.pid).children(recursive=True)
            yield Up(process, curl, family)
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)
            process.stdout.close()


def _curl(stdout: IO[str]) -> list[str]:
    for line in stdout:
        if line.startswith("curl "):
            return shlex.split(line)
    return []


def _leads(process: psutil.Process, name: str) -> bool:
    """Tell whether a process is the first of those with this word in their commands."""
    parent = process.parent()
    own = any(name in word for word in process.cmdline())
    return own and not (parent and any(name in word for word in parent.cmdline()))


def answer_to(curl: list[str]) -> dict[str, object]:
    """Return what the command brings."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    told = subprocess.run([*curl, "-s"], capture_output=True, check=True, timeout=_PATIENCE_S)  # noqa: S603 - as above
    answer: dict[str, object] = json.loads(told.stdout)
    return answer


def key_in(curl: list[str]) -> str:
    """Return the key that the command shows."""
    (header,) = [word for word in curl if word.startswith("Authorization: ")]
    return header


def test_the_printed_command_brings_an_answer_and_nothing_outlives_ctrl_c(folder: Path) -> None:
    with up(folder) as gateway:
        answer = answer_to(gateway.curl)
        status = gateway.end(signal.SIGINT)
    assert (answer["status"], answer["output_text"]) == ("completed", "Hello, world!")
    assert status == 0
    assert gateway.nothing_is_left()


def test_the_next_start_has_the_same_key_and_what_was_stored(folder: Path) -> None:
    with up(folder) as first:
        stored = answer_to(first.curl)
        first.end(signal.SIGTERM)
    with up(folder) as second:
        place = second.curl[1] + f"/{stored['id']}"
        assert key_in(second.curl) == key_in(first.curl)
        assert answer_to(["curl", place, "-H", key_in(second.curl)]) == stored


def test_commands_beside_it_find_its_redis(folder: Path) -> None:
    with up(folder):
        argv = [sys.executable, "-m", "flask", "--app", str(ROOT / "wsgi.py"), "keys", "list"]
        told = subprocess.run(  # noqa: S603 - as above
            argv, cwd=folder, env={}, capture_output=True, check=True, timeout=_PATIENCE_S
        )
    assert b"default  first" in told.stdout


def test_a_terminal_that_closes_ends_it(folder: Path) -> None:
    with up(folder) as gateway:
        assert gateway.end(signal.SIGHUP) == 0
    assert gateway.nothing_is_left()


@pytest.mark.parametrize("name", ["gunicorn", "dramatiq", "redis-server"])
def test_when_one_of_its_processes_dies_all_end_and_that_is_a_failure(
    folder: Path, name: str
) -> None:
    with up(folder) as gateway:
        gateway.member(name).kill()
        status = gateway.process.wait(_PATIENCE_S)
    assert status != 0
    until(gateway.nothing_is_left, "its processes to end")


def test_it_listens_on_a_unix_socket_as_well(folder: Path) -> None:
    with up(folder, BIND=f"unix:{folder}/web.sock") as gateway:
        assert answer_to(gateway.curl)["status"] == "completed"
