"""A credential is read from a file or a command, and nothing else of it is ever told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.providers.keys import credentials
from app.providers.keys.credentials import CredentialUnreadable, read_credential
from app.settings import KeySource
from tests.processes import until

SECRET = "key-4f9a0c11"  # noqa: S105 - not a secret, though it plays one


def shell(script: str, folder: Path = Path("/")) -> KeySource:
    return KeySource(command=("/bin/sh", "-c", script), folder=folder)


def is_alive(group: int) -> bool:
    """Tell whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def reason(source: KeySource) -> str:
    with pytest.raises(CredentialUnreadable) as unreadable:
        read_credential(source)
    assert SECRET not in str(unreadable.value)
    return unreadable.value.reason


def test_a_key_is_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f" {SECRET}\n")
    assert read_credential(KeySource(tmp_path / "key")) == SECRET


def test_a_key_is_what_a_command_prints_in_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    assert read_credential(shell("cat key", tmp_path)) == SECRET


def test_arguments_reach_a_command_as_they_are() -> None:
    assert (
        read_credential(KeySource(command=("/bin/echo", "$HOME;a"), folder=Path("/"))) == "$HOME;a"
    )


def test_a_command_has_no_input() -> None:
    assert read_credential(shell(f"cat; echo {SECRET}")) == SECRET


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"echo {SECRET}; exit 3", "ended with status 3"),
        (f"echo {SECRET} >&2; kill -9 $$", "ended by signal 9"),
        ("true", "printed no key"),
        (f"echo {SECRET} {SECRET}", "printed no key"),
        ("cat /dev/zero", "printed more than a key"),
        ("yes", "printed more than a key"),
    ],
)
def test_a_command_that_gives_no_key_says_how_it_ended(script: str, why: str) -> None:
    assert reason(shell(script)) == why


def test_a_file_that_gives_no_key_says_why(tmp_path: Path) -> None:
    assert reason(KeySource(tmp_path / "gone")) == "cannot be read: No such file or directory"
    (tmp_path / "key").write_text(f"{SECRET} {SECRET}")
    assert reason(KeySource(tmp_path / "key")) == "holds no key"


def test_a_program_that_has_gone_says_so(tmp_path: Path) -> None:
    gone = KeySource(command=(str(tmp_path / "gone"),), folder=tmp_path)
    assert reason(gone) == "cannot be run: No such file or directory"


@pytest.mark.parametrize(
    "script", ["sleep 600", "sleep 600 & echo key; wait", "exec >&-; sleep 600"], ids=str
)
def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    monkeypatch.setattr(credentials, "COMMAND_S", 0.2)
    own = tmp_path / "pid"
    assert reason(shell(f"echo $$ > {own}; {script}")) == "took longer than 0 s"
    until(lambda: not is_alive(int(own.read_text())), "the whole group to end")


def test_a_command_that_leaves_something_running_is_not_waited_for(tmp_path: Path) -> None:
    own = tmp_path / "pid"
    left = shell(f"sleep 600 >/dev/null & echo $! > {own}; echo {SECRET}")
    assert read_credential(left) == SECRET
    os.kill(int(own.read_text()), 9)
