"""The WSGI entry point for `gunicorn wsgi:app` and `flask --app wsgi`; see app/serving/wsgi.py."""

from __future__ import annotations

from app.serving.wsgi import app

__all__ = ["app"]
