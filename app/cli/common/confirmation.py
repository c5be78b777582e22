"""What hides or destroys is asked for twice."""

from __future__ import annotations

import sys

import click

yes = click.option("--yes", "is_sure", is_flag=True, help="Do not ask whether you are sure.")


def make_sure(what: str, *, is_sure: bool, can_dry_run: bool = False) -> None:
    """Return where `what` is to be done: `--yes` says so, or somebody at a terminal.

    `can_dry_run` says that the command has a `--dry-run`.

    Raises:
        click.UsageError: nobody is there to be asked.
        click.Abort: it is not to be done.
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
    """Return where `what`, which no command undoes, is to be done; without a terminal it is.

    Raises:
        click.Abort: it is not to be done.
    """
    if not is_sure and sys.stdin.isatty():
        click.confirm(f"{what} Go on?", abort=True, err=True)
