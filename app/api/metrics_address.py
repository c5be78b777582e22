"""METRICS_BIND: an address of its own for /metrics and the probes, apart from callers (N13).

What is there is for the platform; no key is asked for. So nothing else is there, and /metrics is
not where callers come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import NotFound

from app.telemetry import PROBES

_METRICS = "/metrics"


class MetricsAddress:
    """Tells requests to METRICS_BIND from others by the socket that they came in at.

    A `Host` header could say anything.
    """

    def __init__(self, bind: str) -> None:
        self._port = int(bind.rpartition(":")[2])

    def is_reached(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request came in there."""
        caller = environ.get("gunicorn.socket")
        try:
            name = None if caller is None else caller.getsockname()
        except OSError:  # the caller has gone
            return False
        return isinstance(name, tuple) and name[1] == self._port

    def register(self, app: Flask) -> None:
        """Have the app answer there what belongs there, and nowhere else."""
        app.before_request(self._keep_apart)

    def _keep_apart(self) -> None:
        path, is_here = request.path, self.is_reached(request.environ)
        if (path not in PROBES) if is_here else (path == _METRICS):
            raise NotFound
