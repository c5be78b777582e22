"""Several processes under one roof: when one of them ends, all of them end."""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread

import honcho.manager
from honcho.compat import ProcessManager
from honcho.printer import Message, Printer

_ON_REQUEST = {130, 143}  # honcho's words for SIGINT and SIGTERM
_SPARE_S = 10.0


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
    roof = _Roof(Thread(target=beside, daemon=True))
    for name, command in commands.items():
        # `exec`: the shell that honcho starts becomes the command, so that signals reach it.
        roof.add_process(name, f"exec {shlex.join(command)}", env=dict(environ))
    roof.loop()
    status: int = roof.returncode
    if status in _ON_REQUEST:
        return 0
    return status if status > 0 else 1


class _Roof(honcho.manager.Manager):  # type: ignore[misc]  # honcho has no types
    """Can be asked to end from the first moment, where honcho must know every pid before."""

    def __init__(self, beside: Thread) -> None:
        self._beside = beside
        self._asked = False
        self._watch: Thread | None = None
        super().__init__(_Log(self.heard))
        self._procmgr = _Leaders()

    def terminate(self) -> None:
        """Ask all to end, once all have started."""
        self._asked = True
        self.heard()

    def heard(self) -> None:
        """Take notice of a line: with the first, all are forked and threads may be started."""
        if self._beside.ident is None:
            self._beside.start()
        if self._all_started():
            if self._watch is None:
                pids = [process["pid"] for process in self._processes.values()]
                self._watch = Thread(target=_end_orphans, args=(pids,), daemon=True)
                self._watch.start()
            if self._asked:
                super().terminate()


def _end_orphans(leaders: Sequence[int]) -> None:
    """Ask what a leader that died has left behind to end: for honcho it lives until they do.

    Only Linux can tell; elsewhere orphans end by themselves or not at all.
    """
    if not hasattr(os, "pidfd_open"):
        return
    alive = select.poll()
    groups = {}
    for leader in leaders:
        with suppress(ProcessLookupError):
            ended = os.pidfd_open(leader)
            alive.register(ended, select.POLLIN)
            groups[ended] = leader
    while groups:
        for ended, _ in alive.poll():
            alive.unregister(ended)
            os.close(ended)
            with suppress(ProcessLookupError):
                os.killpg(groups.pop(ended), signal.SIGTERM)


class _Leaders(ProcessManager):  # type: ignore[misc]  # as above
    """Asks only the leader of a group to end: it tells its own processes, once.

    honcho would ask all of them, and those that are asked twice drop what they do.
    """

    def terminate(self, pid: int) -> None:
        """Ask one process to end."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class _Log(Printer):  # type: ignore[misc]  # as above
    """Writes to stderr; stdout is for the result. Calls `heard` after each line.

    A signal may come, and have something to say, while a line is being written: it waits its turn.
    """

    def __init__(self, heard: Callable[[], None]) -> None:
        super().__init__(sys.stderr)
        self._heard = heard
        self._waiting: deque[Message] = deque()
        self._writing = False

    def write(self, message: Message) -> None:
        """Write a line."""
        self._waiting.append(message)
        if self._writing:
            return
        self._writing = True
        try:
            while self._waiting:
                super().write(self._waiting.popleft())
        finally:
            self._writing = False
        self._heard()
