"""The composition root: the only package that knows all others. Opens no connection.

What the web process and the worker have in common is built in `core`, the rest of each in `web` and
`worker`.
"""

from __future__ import annotations

from app.factory.core import trace_with
from app.factory.serving import (
    compute_beside,
    deliver_spooled,
    renew_credentials,
    show_saturation,
    warn_of_storage,
)
from app.factory.web import create_app
from app.factory.worker import create_worker

__all__ = [
    "compute_beside",
    "create_app",
    "create_worker",
    "deliver_spooled",
    "renew_credentials",
    "show_saturation",
    "trace_with",
    "warn_of_storage",
]
