"""The gunicorn settings that the gateway fixes, whatever its command line says."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any, Final

from gunicorn.config import Config

#: gunicorn's workers, extended by a shutdown that interrupts no response, by their name in
#: WORKER_CLASS; the gevent one also has a faster path for usual requests.
WORKER_CLASSES: Final[Mapping[str, str]] = {
    "gevent": "app.serving.worker.GatewayWorker",
    "gthread": "app.serving.thread_worker.GatewayThreadWorker",
}
#: The shortest prefixes of --check-config and --print-config that gunicorn accepts.
_OF_CHECKS: Final = ("--che", "--pri")


def given_to_check(environ: Mapping[str, str]) -> Any | None:
    """Return what the command line and GUNICORN_CMD_ARGS set, if gunicorn will not serve.

    It is then run only to check or print its configuration. None if it will serve.
    """
    lines = (shlex.split(environ.get("GUNICORN_CMD_ARGS", "")), sys.argv[1:])
    if not any(word.startswith(_OF_CHECKS) for line in lines for word in line):
        return None
    config = Config()
    config.set("worker_class", WORKER_CLASSES["gevent"])
    for line in lines:
        for name, value in vars(config.parser().parse_known_args(line)[0]).items():
            if value is not None and name in config.settings:
                config.set(name, value)
    return config if config.check_config or config.print_config else None


def refuse_foreign(config: Any) -> None:
    """Exit with a message if gunicorn's `config` has settings that the gateway cannot run with.

    Other worker classes do not know the master's orders: it would end with them at the first
    signal. And workers would share what it preloads: connections, threads, an event loop.

    Raises:
        SystemExit: there is such a setting.
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
    """Tell whether the worker class, or one of its bases, is the gateway's.

    Compared by name: importing the class would load gevent into the master.
    """
    try:
        bases = config.worker_class.__mro__
    except RuntimeError:  # there is no such class
        return False
    names = {f"{base.__module__}.{base.__qualname__}" for base in bases}
    return not names.isdisjoint(WORKER_CLASSES.values())
