"""The operator's commands. stdout carries their result, stderr the rest.

`responses-gateway ...` is one way to them (root), `flask --app wsgi ...` the other (register).
"""

from __future__ import annotations

from flask import Flask

from app.cli.common.commands import LazyGroup


def register(app: Flask) -> None:
    """Give `app` the commands, each imported when it is used."""
    app.cli = LazyGroup()
