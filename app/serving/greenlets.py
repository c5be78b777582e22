"""Making a process one of greenlets, which take turns on one thread (gevent)."""

from __future__ import annotations

from gevent import config, monkey
from gevent.hub import Hub

from app.logs.libraries import uncaught_in_greenlet
from app.serving import sockets

#: How many names may be looked up at once. Each takes a thread for as long as name servers may be
#: silent, 30 s or more: 32 webhooks, of 10 s each, may wait for a hundred that no customer's server
#: answers. gevent's ten would leave none to those who look for an upstream, or for Redis.
LOOKUPS = 128


def patch() -> None:
    """Have this process's waits let others run, before anything is imported that may wait."""
    monkey.patch_all()
    settle()


def settle() -> None:
    """Make a patched process's sockets lean; have what ends a greenlet logged as all else is."""
    # MEASURED: that each greenlet knows where it was begun takes 700 bytes of each connection.
    config.track_greenlet_tree = False
    sockets.install()
    Hub.threadpool_size = LOOKUPS  # what else is done there is short
    Hub.print_exception = uncaught_in_greenlet  # type: ignore[method-assign,assignment]
