"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

from __future__ import annotations

from app.factory import create_app
from app.settings import Settings
from app.settings.active import active
from app.telemetry import gather_counts

#: How long a web process gathers counts before it puts them into the metrics.
COUNTS_DELAY_S = 0.1

gather_counts(COUNTS_DELAY_S)
app = create_app(active() or Settings.from_env())
