"""What the operator's commands share: how errors are reported, the operator's name, JSON output."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
import orjson
from flask import current_app, has_app_context
from flask.cli import AppGroup

from app.errors import GatewayError, StorageUnavailable
from app.settings import SettingsError, environment

#: The extension under which an application without services keeps the reason for that.
SETTINGS_ERROR = "gateway_settings_error"


@contextmanager
def reports_errors() -> Iterator[None]:
    """Report a failure as one line on stderr, with the exit status 1."""
    try:
        yield
    except StorageUnavailable as error:
        # Imported here: many commands have nothing to do with a Redis.
        reasons = import_module("app.store.connection.reasons")
        why = f" REDIS_URL: {reasons.explained(error)}." if error.__cause__ else ""
        raise click.ClickException(error.message + why) from None
    except GatewayError as error:
        raise click.ClickException(error.message) from None
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _check_settings() -> None:
    """Return if the application has services, as it has unless its settings are unusable.

    Raises:
        SettingsError: they are unusable, and why.
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
    """Return the operator who runs the command, as user@host, for the audit log.

    Behind sudo that is who called it, since root may be anybody.
    """
    try:
        user = environment().get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def print_json(value: object) -> None:
    """Print a result for programs: one line of JSON."""
    click.echo(json_line(value))


def json_line(value: object) -> str:
    """Return a value as one line of JSON, maybe for a terminal: callers wrote much of it.

    What could control a terminal is escaped, as JSON does with characters below U+0020 only. The
    value is the same.
    """
    return _inert(orjson.dumps(value).decode())


def print_document(value: object, *, as_json: bool) -> None:
    """Print a value that has no shorter form than JSON; on one line if `--json` was given."""
    if as_json:
        print_json(value)
    else:
        click.echo(_inert(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()))


def _inert(text: str) -> str:
    is_inert = text.isprintable() or (text.isascii() and "\x7f" not in text)
    return text if is_inert else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return json.dumps(character)[1:-1]  # in escapes of four digits, two of them beyond U+FFFF
