"""`worker`: the processes of background responses."""

from __future__ import annotations

import os
import signal

import click

from app.cli.common.checked import checked_settings
from app.cli.common.processes import (
    FolderUnusable,
    check_metrics_folder,
    has_worker,
    worker,
)
from app.settings import SettingsError


@click.command("worker")
def work() -> None:
    """Run background responses until stopped; SIGHUP reloads gateway.toml."""
    try:
        settings = checked_settings()
        check_metrics_folder()
    except (SettingsError, FolderUnusable) as error:
        raise click.ClickException(f"The worker cannot start: {error}") from None
    if not has_worker(settings):
        raise click.ClickException("Background responses are disabled: there is nothing to do.")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the master handles it
    command = worker()
    os.execv(command[0], command)  # noqa: S606 - the process becomes the worker, signals and all
