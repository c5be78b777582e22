"""What the gateway's two worker classes have in common: how they are told to end, and do (A8)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from time import monotonic
from typing import Any

from app.api.server_keys import OPEN_ANSWERS
from app.descriptors import reclaim
from app.serving.http.refusals import RefusingWorker
from app.serving.worker_state import Leaving, Order, Phase, WorkerState
from app.settings import ProviderSettings, Settings
from app.settings.active import active

#: How many idle callers make room where no descriptor is left: others queue up for it. As many
#: may stay for a moment after that.
FREED_AT_ONCE = 16
#: How long a caller who was turned away may still ask, to find that out, in seconds.
TURNED_AWAY_S = 1.0
#: What is thrown away at most of a body that the app did not want, so that its answer arrives.
MAX_UNREAD = 64 * 1024 * 1024
#: How long a caller's system may take nothing of what was sent to it, in seconds: one who reads
#: nothing would have a place among those that are answered for ever. nginx waits as long. What a
#: system keeps unread, 64 KiB and more, is taken; and once that is full, the next only when a good
#: part of it was read: who reads by the byte has left, too.
UNREAD_S = 60.0
#: How often at most a shortage is logged.
LOG_EACH_S = 10.0


class OrderedWorker(RefusingWorker):
    """Takes its orders from the page that it shares with its master; a signal is to wake it.

    A SIGTERM that does not come from there is a STOP, and so is the master's death.
    """

    alive: bool
    ppid: int
    log: Any
    sockets: list[Any]
    unread_s = UNREAD_S
    wsgi: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.state = WorkerState()
        self._orphaned = False
        self._log_again_at = 0.0

    def init_process(self) -> None:
        """Find out how much time answers have."""
        settings = active() or Settings()
        deadlines = [each.deadline_s for each in settings.providers]
        longest_s = max(deadlines, default=ProviderSettings(name="", api="local").deadline_s)
        self.leaving = Leaving(settings.requests.grace_s, longest_s)
        self._bound_unread()
        super().init_process()  # type: ignore[misc] # gunicorn's

    def _bound_unread(self) -> None:
        """Have the kernel end connections whose callers do not read, or are not there any more.

        What a listener accepts has its options. Of a Unix socket whoever is in front sees to that.
        """
        for listener in self.sockets:
            with suppress(OSError, AttributeError):  # the latter where it is not Linux
                listener.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.unread_s * 1000)
                )

    def close_answers(self) -> None:
        """Have every answer of the app end now."""
        answers = getattr(self.wsgi, "extensions", {}).get(OPEN_ANSWERS)
        if answers is not None:
            answers.close()

    def scarce(self, exhausted: bool) -> None:
        """Do what can be done for more file descriptors; say so now and then if there are none."""
        if reclaim():
            return
        for _ in range(FREED_AT_ONCE if exhausted else 1):
            self.free_a_descriptor()
        now = monotonic()
        if exhausted and now >= self._log_again_at:
            self._log_again_at = now + LOG_EACH_S
            self.log.warning("No file descriptor is left, callers wait: raise LimitNOFILE.")

    def free_a_descriptor(self) -> None:
        """Turn away a caller who does not ask for anything.

        A request may be on its way all the same: what it finds is the refusal.
        """

    def load_wsgi(self) -> None:
        """Load the app, unless that is for nothing."""
        self._end_unless_needed()
        super().load_wsgi()  # type: ignore[misc] # gunicorn's

    def _end_unless_needed(self) -> None:
        """End here and now where others serve already: nobody has come to this worker yet."""
        if self.state.phase is Phase.STARTING and self.state.order is Order.RETIRE:
            os._exit(0)

    def handle_exit(self, _signal: int, _frame: object) -> None:
        """Obey, for SIGTERM."""
        self._end_unless_needed()
        self.obey(self.state.order or Order.STOP)

    def handle_quit(self, _signal: int, _frame: object) -> None:
        """End at once, for SIGQUIT and SIGINT: what is open is still told so."""
        self.obey(Order.QUIT)

    def obey(self, order: Order) -> None:
        """Begin to end; called in signal handlers, too."""
        self.state.give(order)
        self.state.phase = Phase.LEAVING
        self.leaving.order(order)
        self.alive = False

    def look_up(self) -> None:
        """Obey what no signal has told of."""
        if self.ppid != os.getppid() and not self._orphaned:
            self._orphaned = True
            self.log.warning("The master is gone: this worker ends in order.")
            self.obey(Order.STOP)
        elif self.state.order is not Order.NONE:
            self.obey(self.state.order)
        elif not self.alive:  # it has served as many requests as it shall
            self.obey(Order.RETIRE)
