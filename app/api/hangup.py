"""Detect callers that hang up, even while nothing is being sent to them (A4).

One sweeper thread per process checks the client sockets of the requests in flight four times a
second, by a non-blocking peek. It works under gevent and gthread, which put the socket into the
environ. With other workers, or where gunicorn itself terminates TLS, a hang-up is only detected
at the next write.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

SWEEP_S = 0.25


class HangUps:
    """Calls a watched socket's callback once when its peer has closed the connection."""

    def __init__(self) -> None:
        self._watched: dict[object, tuple[socket.socket, Callable[[], None]]] = {}
        self._wake = threading.Event()
        self._sweeper: threading.Thread | None = None
        self._starting = threading.Lock()

    def watch(self, environ: dict[str, Any], hung_up: Callable[[], None]) -> object | None:
        """Call `hung_up` if this request's caller disconnects; return a handle for `forget`."""
        client = environ.get("gunicorn.socket")
        if client is None:
            return None
        # gevent wraps the native socket; the native recv never switches greenlets.
        native = getattr(client, "_sock", client)
        watch = object()
        self._watched[watch] = (native, hung_up)
        if self._sweeper is None:
            self._start()
        if not self._wake.is_set():  # MEASURED: five calls fewer
            self._wake.set()
        return watch

    def forget(self, watch: object | None) -> None:
        """End a watch."""
        if watch is not None:
            self._watched.pop(watch, None)

    def _start(self) -> None:
        with self._starting:
            if self._sweeper is None:
                self._sweeper = threading.Thread(
                    target=self._sweep_forever, name="hang-ups", daemon=True
                )
                self._sweeper.start()

    def _sweep_forever(self) -> None:
        idle = threading.Event()
        while True:
            self._wake.wait()
            idle.wait(SWEEP_S)
            # Cleared before the check, so that a request that begins meanwhile sets it again.
            self._wake.clear()
            if self._watched:
                self._wake.set()
            self.sweep()

    def sweep(self) -> None:
        """Check every watched socket once."""
        for watch, (client, hung_up) in list(self._watched.items()):
            if _has_gone(client):
                self._watched.pop(watch, None)
                hung_up()


def _has_gone(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True
