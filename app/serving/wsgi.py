"""The WSGI application of a web process, and of `flask --app wsgi`."""

from __future__ import annotations

import click
from flask import Flask

from app.cli.common.commands import register
from app.cli.common.group import SETTINGS_ERROR
from app.factory import create_app
from app.settings import Settings, SettingsError
from app.settings.active import active
from app.telemetry import gather_counts


def _application() -> Flask:
    """Return the application, with the operator's commands for `flask`.

    Raises:
        SettingsError: the settings are invalid, and no command is being run: commands report
            that themselves, `doctor` with a remedy.
    """
    try:
        app: Flask = create_app(active() or Settings.from_env())
    except SettingsError as error:
        if click.get_current_context(silent=True) is None:
            raise
        app = Flask("wsgi")
        app.extensions[SETTINGS_ERROR] = error
    register(app)
    return app


gather_counts()
app = _application()
