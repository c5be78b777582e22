"""Asks for confirmation of what hides or destroys."""

from __future__ import annotations

import sys

import click

yes = click.option("--yes", "is_sure", is_flag=True, help="Do not ask for confirmation.")


def make_sure(what: str, *, is_sure: bool, can_dry_run: bool = False) -> None:
    """Return if `what` is to be done: `--yes` was given, or somebody at a terminal confirms it.

    `can_dry_run` says that the command has a `--dry-run`.

    Raises:
        click.UsageError: there is no terminal to ask at.
        click.Abort: it was not confirmed.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        remedy = "give --yes to do it"
        if can_dry_run:
            remedy += ", or --dry-run to see how much it would be"
        raise click.UsageError(
            f"{what} This cannot be undone, and there is no terminal to ask at: {remedy}."
        )
    click.confirm(f"{what} This cannot be undone. Go on?", abort=True, err=True)


def ask_at_terminal(what: str, *, is_sure: bool) -> None:
    """Return if `what`, which no command undoes, is to be done; without a terminal, do not ask.

    Raises:
        click.Abort: it was not confirmed.
    """
    if not is_sure and sys.stdin.isatty():
        click.confirm(f"{what} Go on?", abort=True, err=True)
