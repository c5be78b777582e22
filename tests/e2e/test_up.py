"""`responses-gateway up`: from an empty folder to an answer, and back to nothing."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import pytest

from app.settings import environment
from tests.processes import PATIENCE_S, PROGRAM, free_port, is_alive, until

#: What a process keeps of the developer's environment: nothing that the gateway reads.
_KEPT = ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG")


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
        return self.process.wait(PATIENCE_S)

    def nothing_is_left(self) -> bool:
        """Tell whether every process that it ever had has ended."""
        return not any(each.is_running() and is_alive(each) for each in self.family)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def up(folder: Path, **changes: str) -> Iterator[Up]:
    """Run `up` in a folder, until it has printed its curl command."""
    kept = {name: value for name, value in environment().items() if name in _KEPT}
    env = kept | {"BIND": f"127.0.0.1:{free_port()}", "WEB_CONCURRENCY": "1"} | changes
    with (folder / "stderr").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is the tests' own
            [PROGRAM, "up"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            curl = _curl(process.stdout)
            assert curl, (folder / "stderr").read_text("utf-8")
            family = psutil.Process(process.pid).children(recursive=True)
            yield Up(process, curl, family)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            process.stdout.close()


def _curl(stdout: IO[str]) -> list[str]:
    for line in stdout:
        if line.startswith("curl "):
            return shlex.split(line)
    return []


def _leads(process: psutil.Process, name: str) -> bool:
    """Tell whether a process is the first of those with this word in their commands."""
    try:
        parent = process.parent()
        own = any(name in word for word in process.cmdline())
        return own and not (parent and any(name in word for word in parent.cmdline()))
    except psutil.NoSuchProcess:  # one that has done what it was started for
        return False


def answer_to(curl: list[str]) -> dict[str, object]:
    """Return what the command brings."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    result = subprocess.run([*curl, "-s"], capture_output=True, check=True, timeout=PATIENCE_S)  # noqa: S603 - as above
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def key_in(curl: list[str]) -> str:
    """Return the key that the command shows."""
    (header,) = [word for word in curl if word.startswith("Authorization: ")]
    return header


@dataclass(frozen=True, slots=True)
class Life:
    """What was seen of one run of `up`."""

    curl: list[str]
    answer: dict[str, object]
    listed: str
    status: int
    ended: bool


@pytest.fixture(scope="module")
def lives() -> Iterator[list[Life]]:
    """Two runs in one folder: the first ended by Ctrl-C, the second by its terminal."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        first = live(Path(folder), signal.SIGINT)
        again = [first.curl[1] + f"/{first.answer['id']}", "-H", key_in(first.curl)]
        yield [first, live(Path(folder), signal.SIGHUP, again, BIND=bind_in(first.curl))]


def live(folder: Path, how: signal.Signals, sent: list[str] | None = None, **changes: str) -> Life:
    """Run `up` once: ask what it says to ask and for its keys, or something else; have it end."""
    with up(folder, **changes) as gateway:
        answer = answer_to(["curl", *sent] if sent else gateway.curl)
        listed = "" if sent else keys_listed(folder)
        status = gateway.end(how)
        return Life(gateway.curl, answer, listed, status, gateway.nothing_is_left())


def keys_listed(folder: Path) -> str:
    """Return what `keys list` says beside a running gateway, told of no Redis."""
    argv = [PROGRAM, "keys", "list"]
    return subprocess.run(  # noqa: S603 - as above
        argv, cwd=folder, env={}, capture_output=True, check=True, text=True, timeout=PATIENCE_S
    ).stdout


def bind_in(curl: list[str]) -> str:
    """Return where the gateway listened."""
    return curl[1].removeprefix("http://").partition("/")[0]


def test_the_printed_command_brings_an_answer(lives: list[Life]) -> None:
    assert lives[0].answer["output_text"] == "Hello, world!"


def test_commands_beside_it_find_its_redis(lives: list[Life]) -> None:
    assert "default  first" in lives[0].listed


def test_ctrl_c_is_no_failure(lives: list[Life]) -> None:
    assert lives[0].status == 0


def test_nothing_outlives_it(lives: list[Life]) -> None:
    assert lives[0].ended


def test_a_terminal_that_closes_ends_all_as_well(lives: list[Life]) -> None:
    assert (lives[1].status, lives[1].ended) == (0, True)


def test_the_next_start_has_the_same_key(lives: list[Life]) -> None:
    assert key_in(lives[1].curl) == key_in(lives[0].curl)


def test_the_next_start_has_what_was_stored(lives: list[Life]) -> None:
    assert lives[1].answer == lives[0].answer


def test_when_redis_dies_all_end_and_that_is_a_failure(folder: Path) -> None:
    with up(folder, BIND=f"unix:{folder}/web.sock") as gateway:
        gateway.member("redis-server").kill()
        status = gateway.process.wait(PATIENCE_S)
    assert status == 1
    until(gateway.nothing_is_left, "its processes to end")
