"""Several processes under one roof: when one of them ends, all of them end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from threading import Thread

import honcho.manager
from honcho.printer import Message, Printer

_ON_REQUEST = {130, 143}  # honcho's words for SIGINT and SIGTERM
_SPARE_S = 5.0


def supervise(
    commands: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    *,
    grace_s: float,
    beside: Callable[[], None],
) -> int:
    """Run the commands until one ends or a signal asks for it; return 0 or whose fault it was.

    What they write goes to stderr, each line with its name. They are asked to end, and those that
    have not after `grace_s` are killed. `beside` runs in a thread of its own once all are started.
    """
    # A constant of honcho's that allows five seconds, which an answer under way may exceed.
    honcho.manager.KILL_WAIT = grace_s + _SPARE_S
    manager = honcho.manager.Manager(_Log(Thread(target=beside, daemon=True)))
    for name, command in commands.items():
        # `exec`: the shell that honcho starts becomes the command, so that signals reach it.
        manager.add_process(name, f"exec {shlex.join(command)}", env=dict(environ))
    manager.loop()
    status: int = manager.returncode
    if status in _ON_REQUEST:
        return 0
    return status if status > 0 else 1


class _Log(Printer):  # type: ignore[misc]  # honcho has no types
    """Writes to stderr; stdout is for the result."""

    def __init__(self, beside: Thread) -> None:
        super().__init__(sys.stderr)
        self._beside = beside

    def write(self, message: Message) -> None:
        """Write a line; with the first one, all processes have been forked and threads may be."""
        if self._beside.ident is None:
            self._beside.start()
        super().write(message)
