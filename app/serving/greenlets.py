"""Making a process one of greenlets, which take turns on one thread (gevent)."""

from __future__ import annotations

from gevent import config, monkey
from gevent.hub import Hub

from app.logs.libraries import uncaught_in_greenlet
from app.serving import sockets


def patch() -> None:
    """Have this process's waits let others run, before anything is imported that may wait."""
    monkey.patch_all()
    settle()


def settle() -> None:
    """Make a patched process's sockets lean; have what ends a greenlet logged as all else is."""
    # MEASURED: that each greenlet knows where it was begun takes 700 bytes of each connection.
    config.track_greenlet_tree = False
    sockets.install()
    Hub.print_exception = uncaught_in_greenlet  # type: ignore[method-assign,assignment]
