"""Makes a process cooperative: greenlets that take turns on one thread (gevent)."""

from __future__ import annotations

from gevent import config, monkey
from gevent.hub import Hub

from app.logs.libraries import uncaught_in_greenlet
from app.serving import sockets

#: Maximum number of concurrent DNS lookups. Each takes a thread while name servers are silent, 30 s
#: or more: 32 webhooks, of 10 s each, may wait for a hundred customers' servers that do not answer.
#: gevent's ten threads would leave none for lookups of upstreams or Redis.
LOOKUPS = 128


def patch() -> None:
    """Make this process's blocking calls cooperative; call it before other imports."""
    monkey.patch_all()
    settle()


def settle() -> None:
    """Replace a patched process's sockets by lean ones; log uncaught exceptions of greenlets."""
    # MEASURED: recording where each greenlet was spawned takes 700 bytes per connection.
    config.track_greenlet_tree = False
    sockets.install()
    Hub.threadpool_size = LOOKUPS  # its other tasks are short
    Hub.print_exception = uncaught_in_greenlet  # type: ignore[method-assign,assignment]
