"""Ends the threads of gateways whose Redis has gone for good.

In a process of its own a gateway's threads end with it. In that of the tests they would go on, and
ask a Redis that ended with its test twice a second each, by the hundred.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from redis.connection import UnixDomainSocketConnection

#: What the names of the folders begin with in which Redis servers of tests have their sockets.
HOME_PREFIX = "redis-"


class RedisGone(SystemExit):
    """Ends the thread that wants a Redis which nobody will start again."""


def end_with_their_redis() -> None:
    """Have a thread that connects to a Redis whose folder is no longer there end, quietly."""
    connect: Any = UnixDomainSocketConnection._connect
    report: Any = threading.excepthook

    def connect_or_end(connection: UnixDomainSocketConnection) -> Any:
        if threading.current_thread() is not threading.main_thread() and _is_gone(connection.path):
            raise RedisGone
        return connect(connection)

    def report_others(args: Any) -> None:
        if args.exc_type is not RedisGone:
            report(args)

    threading.excepthook = report_others
    UnixDomainSocketConnection._connect = connect_or_end  # type: ignore[method-assign]


def _is_gone(path: str) -> bool:
    home = Path(path).parent
    is_of_tests = home.name.startswith(HOME_PREFIX) and home.parent == Path(tempfile.gettempdir())
    return is_of_tests and not home.exists()
