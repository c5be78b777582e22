"""`responses-gateway`, and the same commands given to flask."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app import __version__
from app.cli import root
from app.cli.common.commands import COMMANDS
from app.cli.root import main
from app.cli.up.command import up
from app.cli.worker.command import work
from tests.processes import PROGRAM, ROOT, uncounted

BOTH_WAYS = pytest.mark.parametrize(
    "words",
    [
        [PROGRAM, "keys", "list"],
        [sys.executable, "-m", "flask", "--app", "wsgi", "doctor"],
    ],
    ids=["responses-gateway", "flask"],
)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there_under_its_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        elif command is not None:
            yield " ".join((*path, name)), command


def test_every_command_and_option_says_what_it_is() -> None:
    found = dict(_commands(main))
    assert len(found) > 30
    assert [name for name, command in found.items() if not command.help] == []
    options = {
        f"{name} {each.opts[0]}": each.help
        for name, command in found.items()
        for each in command.params
        if isinstance(each, click.Option)
    }
    assert [name for name, words in options.items() if not words] == []


def test_the_release_is_told_in_one_word() -> None:
    run = CliRunner()
    assert run.invoke(main, ["version"]).stdout == f"{__version__}\n"
    assert json.loads(run.invoke(main, ["version", "--json"]).stdout) == {"version": __version__}
    assert run.invoke(main, ["--version"]).stdout == f"responses-gateway, version {__version__}\n"


def test_a_misspelt_command_is_met_by_the_names_that_are_near() -> None:
    result = CliRunner().invoke(main, ["kys", "list"])
    assert result.exit_code == 2
    assert "No such command 'kys'. Did you mean keys?" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_what_completes_the_commands(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_RESPONSES_GATEWAY_COMPLETE" in result.stdout


def test_commands_run_in_a_folder_where_another_package_is_called_app(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise AssertionError", "utf-8")
    done = _run([PROGRAM, "models", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"model":"local/echo"' in done.stdout


@BOTH_WAYS
def test_settings_that_cannot_be_used_are_one_line(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[requests]\ngrace = 3\n", "utf-8")
    done = _run(words, tmp_path)
    assert done.returncode == 1, done
    assert "gateway.toml, line 2" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["version"], ["models", "--json"], ["models"]])
def test_output_that_cannot_be_written_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = _run(["sh", "-c", '"$@" > /dev/full', "sh", PROGRAM, *words], tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device.\n"


def test_streams_that_are_closed_are_as_good_as_empty(tmp_path: Path) -> None:
    done = _run(["sh", "-c", '"$@" <&- >&-', "sh", PROGRAM, "models"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("value", ["two", "2.5", "-1", "0"])
def test_a_number_of_processes_that_is_none_is_refused_in_one_line(
    value: str, tmp_path: Path
) -> None:
    done = _run([PROGRAM, "web"], tmp_path, WEB_CONCURRENCY=value)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: The gateway cannot start: WEB_CONCURRENCY must be a whole number of at least 1\n",
    )


def test_an_empty_number_of_processes_is_none(tmp_path: Path) -> None:
    # gunicorn's own, which shows that it was not kept from starting, and ends
    done = _run([PROGRAM, "web", "--version"], tmp_path, WEB_CONCURRENCY=" ")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gunicorn ")


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_folder_for_counters_that_cannot_be_used_is_refused_in_one_line(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "counters")
    done = _run([PROGRAM, command], tmp_path, PROMETHEUS_MULTIPROC_DIR=folder)
    who = "worker" if command == "worker" else "gateway"
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: The {who} cannot start: PROMETHEUS_MULTIPROC_DIR={folder} cannot be used: "
        "Not a directory\n",
    )


@pytest.mark.parametrize("command", [root.web, work, up])
def test_a_system_without_a_place_for_temporary_files_is_met_by_the_remedy(
    command: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.gettempdir", none)
    done = CliRunner().invoke(command, env={"PROMETHEUS_MULTIPROC_DIR": ""})
    assert done.exit_code == 1
    assert "Mount one at /tmp (a container's --tmpfs /tmp), or name one with TMPDIR" in done.stderr


def _run(argv: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = uncounted() | {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)} | environ
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own
