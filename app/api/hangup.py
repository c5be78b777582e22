"""Notice callers that hang up, also while nothing is being sent to them (A4).

One sweeper thread a process looks at the client sockets of the requests in flight four times a
second: a peek that neither waits nor takes anything. It works alike under gevent and gthread,
which put the socket into the environ; where it is missing (other workers), or where gunicorn
itself terminates TLS, a hang-up is noticed at the next write only.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

SWEEP_S = 0.25


class HangUps:
    """Calls back, once, for each watched client socket whose peer has gone."""

    def __init__(self) -> None:
        self._watched: dict[object, tuple[socket.socket, Callable[[], None]]] = {}
        self._wake = threading.Event()
        self._sweeper: threading.Thread | None = None
        self._starting = threading.Lock()

    def watch(self, environ: dict[str, Any], hung_up: Callable[[], None]) -> object | None:
        """Call `hung_up` if the caller of this request goes; return what ends the watch."""
        client = environ.get("gunicorn.socket")
        if client is None:
            return None
        # gevent wraps the native socket, whose own recv never switches greenlets.
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
            # Cleared before the look: a request that begins in between sets it again.
            self._wake.clear()
            if self._watched:
                self._wake.set()
            self.sweep()

    def sweep(self) -> None:
        """Look at every watched socket once."""
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
