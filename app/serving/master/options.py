"""What of gunicorn's own settings is the gateway's to choose, and not its command line's."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

#: gunicorn's own workers, with an end that cuts no answer, by what WORKER_CLASS calls them; with
#: gevent there is a shorter way for the usual request, too.
WORKER_CLASSES: Final[Mapping[str, str]] = {
    "gevent": "app.serving.worker.GatewayWorker",
    "gthread": "app.serving.thread_worker.GatewayThreadWorker",
}


def refuse_foreign(config: Any) -> None:
    """End with a sentence where gunicorn's `config` has what the gateway cannot be served with.

    Others' workers know no orders of the master's, which ends with them at the first signal; and
    what the master loads, every worker would share: connections, threads, an event loop.

    Raises:
        SystemExit: it does.
    """
    if not _is_ours(config):
        sys.exit(
            "The gateway cannot start: leave out gunicorn's -k (worker_class), also in "
            "GUNICORN_CMD_ARGS. WORKER_CLASS is gevent or gthread."
        )
    if config.preload_app:
        sys.exit(
            "The gateway cannot start: leave out gunicorn's --preload (preload_app), also in "
            "GUNICORN_CMD_ARGS. Each worker loads the gateway itself."
        )


def _is_ours(config: Any) -> bool:
    """Tell whether the worker class, or one that it is made of, is the gateway's.

    By name: to import it is to have gevent in the master.
    """
    try:
        bases = config.worker_class.__mro__
    except RuntimeError:  # there is no such class
        return False
    names = {f"{base.__module__}.{base.__qualname__}" for base in bases}
    return not names.isdisjoint(WORKER_CLASSES.values())
