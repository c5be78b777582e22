"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi`. It stands in app/serving."""

from __future__ import annotations

from app.serving.wsgi import app

__all__ = ["app"]
