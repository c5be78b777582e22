"""All commands by their names, imported when they are used: a web process knows them, too."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

COMMANDS: Mapping[str, str] = {
    "accounts": "app.cli.accounts:accounts",
    "audit": "app.cli.accounts:audit",
    "chat": "app.cli.chat.command:chat",
    "check-config": "app.cli.check.config:check",
    "check-stream": "app.cli.check.stream:check",
    "conversations": "app.cli.conversations:conversations",
    "doctor": "app.cli.doctor.command:doctor",
    "keys": "app.cli.keys:keys",
    "models": "app.cli.models:models",
    "requests": "app.cli.requests:requests",
    "responses": "app.cli.responses:responses",
    "up": "app.cli.up.command:up",
    "usage": "app.cli.usage:usage",
    "webhooks": "app.cli.webhooks:webhooks",
    "worker": "app.cli.worker.command:work",
}


def register(app: Flask) -> None:
    """Give `app` the commands, each imported when it is used."""
    app.cli = LazyGroup()


class LazyGroup(AppGroup):
    """The commands in COMMANDS, and those that were added to it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in order."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name, or None."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named, and the arguments that are left for it.

        Raises:
            click.UsageError: there is none of that name; the message suggests similar ones.
        """
        names = self.list_commands(ctx)
        if args and args[0] not in names and (near := get_close_matches(args[0], names)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)
