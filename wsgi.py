"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

from __future__ import annotations

from app.factory import create_app
from app.settings import Settings

app = create_app(Settings.from_env())
