"""What the operator's commands have in common: how they fail, who gives them, what they print."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import orjson
from flask import current_app, has_app_context
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.errors import GatewayError, StorageUnavailable
from app.settings import SettingsError
from app.store.connection.reasons import explained

#: A last column is not folded to less than this.
_LEAST_FOLDED = 24

#: Where an application without services says why, among its extensions.
SETTINGS_ERROR = "gateway_settings_error"


@contextmanager
def reports_errors() -> Iterator[None]:
    """Have a failure be one line on stderr and the exit status 1."""
    try:
        yield
    except StorageUnavailable as error:
        why = f" REDIS_URL: {explained(error)}." if error.__cause__ else ""
        raise click.ClickException(error.message + why) from None
    except GatewayError as error:
        raise click.ClickException(error.message) from None
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _check_settings() -> None:
    """Return where the application has services, as it has unless its settings are unusable.

    Raises:
        SettingsError: that is so, and why.
    """
    if has_app_context() and SETTINGS_ERROR in current_app.extensions:
        raise current_app.extensions[SETTINGS_ERROR]


class OperatorGroup(AppGroup):
    """Commands whose errors are one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of the group."""
        with reports_errors():
            _check_settings()
            return super().invoke(ctx)


class OperatorCommand(click.Command):
    """A command, without a group, whose errors are one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with reports_errors():
            _check_settings()
            return super().invoke(ctx)


def operator() -> str:
    """Return who gives the command, as user@host, for the audit log."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def print_json(value: object) -> None:
    """Print a result for programs: one line of JSON."""
    click.echo(orjson.dumps(value))


def print_document(value: object, *, as_json: bool) -> None:
    """Print something that has no shorter form than JSON: in one line where `--json` was given."""
    click.echo(orjson.dumps(value, option=None if as_json else orjson.OPT_INDENT_2))


def print_table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a result for people: columns as wide as they need to be, "-" for what is None.

    At a terminal the titles are bold and the last column is folded, no other: ids are copied. In a
    pipe each row is one line. What could steer a terminal is replaced: names come from callers.
    """
    cells = [["-" if cell is None else _printable(str(cell)) for cell in row] for row in rows]
    whole = [list(titles), *cells]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    if sys.stdout.isatty():
        _print_rich(titles, cells, widths)
        return
    for row in whole:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_rich(titles: Sequence[str], rows: list[list[str]], widths: list[int]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1], overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    fixed = sum(widths[:-1]) + 2 * (len(widths) - 1)
    console.width = max(console.width, fixed + min(widths[-1], _LEAST_FOLDED))
    console.print(table)


def _printable(cell: str) -> str:
    return cell if cell.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in cell)
