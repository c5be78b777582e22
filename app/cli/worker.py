"""`worker`: the process of background responses."""

from __future__ import annotations

import os
import sys

import click

from app.cli.checked import checked_settings
from app.cli.processes import has_worker, leave_no_core, worker
from app.factory import create_worker
from app.jobs.broker import serve
from app.jobs.process import end_once, end_with_parent
from app.settings import Settings, SettingsError
from app.telemetry import unexpected


def set_up() -> None:
    """Make this process a worker: dramatiq's command line calls it once it has begun."""
    leave_no_core()
    end_once()
    end_with_parent()
    try:
        serve(create_worker(Settings.from_env()))
    except Exception as error:  # noqa: BLE001 - the edge of the process
        # What ends a process that multiprocessing has started is shown with its message.
        unexpected(error, "", "start")
        sys.exit(1)


@click.command("worker")
def work() -> None:
    """Work on background responses until told to end."""
    try:
        settings = checked_settings()
    except SettingsError as error:
        raise click.ClickException(f"The worker cannot start: {error}") from None
    if not has_worker(settings):
        raise click.ClickException("Background responses are disabled: there is nothing to do.")
    command = worker(settings)
    os.execv(command[0], command)  # noqa: S606 - the process becomes the worker, signals and all
