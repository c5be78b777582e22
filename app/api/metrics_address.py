"""METRICS_BIND: a separate address for /metrics and the probes, apart from callers (N13).

It needs no API key, so it serves nothing else; and /metrics is not served at the address for
callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import NotFound

from app.telemetry import PROBES

_METRICS = "/metrics"


class MetricsAddress:
    """Recognizes requests to METRICS_BIND by the local port of their socket.

    The `Host` header is not used: a client may send any value.
    """

    def __init__(self, bind: str) -> None:
        self._port = int(bind.rpartition(":")[2])

    def is_reached(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request arrived at METRICS_BIND."""
        caller = environ.get("gunicorn.socket")
        try:
            name = None if caller is None else caller.getsockname()
        except OSError:  # the client has closed the connection
            return False
        return isinstance(name, tuple) and name[1] == self._port

    def register(self, app: Flask) -> None:
        """Serve at each of the two addresses only the paths that belong to it."""
        app.before_request(self._keep_apart)

    def _keep_apart(self) -> None:
        path, is_here = request.path, self.is_reached(request.environ)
        if (path not in PROBES) if is_here else (path == _METRICS):
            raise NotFound
