"""Processes as one. Each test has a supervisor of its own: it takes the signals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

_SUPERVISOR = """
import json, os, signal, sys
from app.cli.up.supervisor import supervise

def beside():
    match sys.argv[2]:
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        case "terminate":
            os.kill(os.getpid(), signal.SIGTERM)

status = supervise(json.loads(sys.argv[1]), os.environ, grace_s=float(sys.argv[3]), beside=beside)
print(f"status {status}")
"""
_FOR_EVER = "import signal; signal.pause()"
# Neither is disturbed by SIGTERM: the child says whether one is waiting for it.
_LEADER = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
child = os.fork()
if child == 0:
    signal.sigwait([signal.SIGUSR1])
    print("the child was asked:", signal.SIGTERM in signal.sigpending(), flush=True)
    sys.exit()
open("ready", "w").close()
signal.sigwait([signal.SIGTERM])
os.kill(child, signal.SIGUSR1)
os.wait()
"""
# Dies and leaves a child behind that holds its output open.
_DYING = """
import os, signal
if os.fork() == 0:
    signal.pause()
os.kill(os.getpid(), signal.SIGKILL)
"""
_STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("ready", "w").close()
signal.pause()
"""
# Ends as soon as another one has opened the pipe to write.
_WHEN_READY = "open('ready').read(); raise SystemExit(4)"


@pytest.fixture
def _ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe for processes to say that they are ready."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("ready")


def supervised(
    programs: Mapping[str, str], beside: str = "wait", grace_s: float = 30
) -> subprocess.CompletedProcess[str]:
    # -S: nothing but the standard library, so that nothing else meddles with signals.
    commands = {name: [sys.executable, "-S", "-c", code] for name, code in programs.items()}
    argv = [sys.executable, "-c", _SUPERVISOR, json.dumps(commands), beside, str(grace_s)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - the tests' own


def test_when_one_ends_all_end_with_its_status() -> None:
    result = supervised({"web": _FOR_EVER, "worker": "raise SystemExit(3)"})
    assert result.stdout == "status 3\n"


def test_one_that_is_killed_is_a_failure() -> None:
    result = supervised({"web": _FOR_EVER, "worker": "import os; os.kill(os.getpid(), 9)"})
    assert result.stdout == "status 1\n"


def test_one_that_ends_well_without_being_asked_is_a_failure() -> None:
    assert supervised({"web": _FOR_EVER, "worker": ""}).stdout == "status 1\n"


def test_an_interrupt_is_no_failure() -> None:
    assert supervised({"web": _FOR_EVER}, "interrupt").stdout == "status 0\n"


def test_being_asked_to_end_is_no_failure() -> None:
    assert supervised({"web": _FOR_EVER}, "terminate").stdout == "status 0\n"


def test_an_interrupt_before_all_have_started_ends_all() -> None:
    result = supervised({f"web{number}": _FOR_EVER for number in range(5)}, "interrupt")
    assert (result.stdout, "Traceback" in result.stderr) == ("status 0\n", False)


def test_what_processes_say_goes_to_stderr_with_their_names() -> None:
    result = supervised({"web": "print('to stdout'); raise SystemExit(1)"})
    assert "web    | to stdout\n" in result.stderr
    assert result.stdout == "status 1\n"


@pytest.mark.usefixtures("_ready")
def test_only_leaders_are_asked_to_end() -> None:
    result = supervised({"web": _LEADER, "worker": _WHEN_READY})
    assert "the child was asked: False\n" in result.stderr


def test_what_a_dead_leader_leaves_behind_ends_with_it() -> None:
    assert supervised({"web": _DYING, "worker": _FOR_EVER}).stdout == "status 1\n"


@pytest.mark.usefixtures("_ready")
def test_one_that_does_not_end_is_killed_after_its_grace() -> None:
    result = supervised({"web": _STUBBORN, "worker": _WHEN_READY}, grace_s=-9.9)
    assert "sending SIGKILL to web" in result.stderr
