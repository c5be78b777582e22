"""Serves the worker's own probe and metrics at WORKER_METRICS_BIND, without a key.

The master listens, so that a reload, with two generations of processes side by side, looks like one
worker: /metrics has the sums of all its processes, /healthz says whether a job would be taken.
Redis is not asked: both answer while it is unreachable.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from app.telemetry import METRICS_CONTENT_TYPE

#: For how many seconds a client may keep a connection busy.
PATIENCE_S = 10.0


class ListenerTaken(Exception):
    """Nothing can listen at an address; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Report:
    """Whether a job would be taken, and why not."""

    healthy: bool
    reason: str


@contextmanager
def listening(
    bind: str, health: Callable[[], Report], metrics: Callable[[], bytes]
) -> Iterator[None]:
    """Serve at HOST:PORT for the duration of the block, in threads of its own.

    Raises:
        ListenerTaken: nothing can listen there.
    """

    try:
        server = _Server(bind)
    except OSError as error:
        raise ListenerTaken(
            f"cannot listen at {bind}: {error.strerror}. Name another address with "
            "WORKER_METRICS_BIND=HOST:PORT."
        ) from None
    server.pages = {
        "/healthz": lambda: _health(health()),
        "/metrics": lambda: (200, METRICS_CONTENT_TYPE, metrics()),
    }
    thread = threading.Thread(target=server.serve_forever, name="listener", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _health(report: Report) -> tuple[int, str, bytes]:
    body = (
        {"status": "ok"} if report.healthy else {"status": "unavailable", "reason": report.reason}
    )
    return 200 if report.healthy else 503, "application/json", orjson.dumps(body)


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    server_version, sys_version = "gateway", ""
    server: _Server

    def do_GET(self) -> None:
        """Answer a probe."""
        page = self.server.pages.get(self.path.partition("?")[0])
        status, kind, body = page() if page else (404, "text/plain", b"Not found.\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Do not log probes."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    pages: dict[str, Callable[[], tuple[int, str, bytes]]]

    def __init__(self, bind: str) -> None:
        host, _, port = bind.rpartition(":")
        self.address_family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        super().__init__((host.strip("[]"), int(port)), _Handler)

    def server_bind(self) -> None:
        """Bind, without resolving a host name that nobody reads."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log clients that have gone."""
