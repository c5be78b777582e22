"""`responses-gateway`: the gateway, and every tool for its operator, as one command."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class
from flask import Flask
from flask.cli import ScriptInfo

from app import __version__
from app.cli.common import processes
from app.cli.common.checked import checked_settings
from app.cli.common.commands import LazyGroup
from app.cli.common.group import print_json, reports_errors
from app.memory import expect_to_keep
from app.settings import Settings, SettingsError, environment

_NAME = "responses-gateway"
#: Errors of a disk, or of another place that output goes to.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def _configured() -> Flask:
    """Return the application for commands that need its services.

    Raises:
        click.ClickException: the settings cannot be used.
    """
    with reports_errors():
        expect_to_keep()
        factory = import_module("app.factory")  # not above: half a second that few commands need
        app: Flask = factory.create_app(Settings.from_env())
        return app


class Root(LazyGroup):
    """The group of all commands; it gives the application to those that need its services."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command that the arguments name."""
        extra.setdefault("obj", ScriptInfo(create_app=_configured, set_debug_flag=False))
        _open_missing_streams()
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            where = error.filename or "the output"
            click.echo(f"Error: {where} cannot be written: {error.strerror}.", err=True)
            sys.exit(1)


def _open_missing_streams() -> None:
    """Connect standard streams that the caller has closed to the null device.

    Python leaves them None, and their descriptors to the next files that are opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


@click.group(
    cls=Root,
    name=_NAME,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 failed, 2 bad usage. Results go to stdout, the rest to stderr.",
)
@click.version_option(__version__, prog_name=_NAME)
def main() -> None:
    """A self-hosted Responses API in front of any model provider.

    `up` starts everything on this machine; `web` and `worker` are the parts to run as services.
    """


@main.command("web", with_appcontext=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[GUNICORN OPTION]...")
def web(options: tuple[str, ...]) -> None:
    """Serve HTTP with gunicorn until stopped; SIGHUP reloads gateway.toml."""
    try:  # gunicorn would answer some of these with a traceback
        checked_settings()
        processes.check_metrics_folder()
    except (SettingsError, processes.FolderUnusable) as error:
        raise click.ClickException(f"The gateway cannot start: {error}") from None
    command = [*processes.web(), *options]
    environ = processes.web_environment(environment())
    os.execve(command[0], command, environ)  # noqa: S606 - the process becomes gunicorn, signals and all


@main.command("version", with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        click.echo(__version__)


@main.command("completion", with_appcontext=False)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell completion script for these commands.

    For bash: eval "$(responses-gateway completion bash)"
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    click.echo(kind(main, {}, _NAME, "_RESPONSES_GATEWAY_COMPLETE").source())
