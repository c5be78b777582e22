"""What both worker classes share: how they are ordered to end, and how they do it (A8)."""

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

#: Idle connections closed at once if no file descriptor is left, since others wait for one. As many
#: may stay for a moment after that.
FREED_AT_ONCE = 16
#: Seconds for which a refused connection stays open, so that its client reads the refusal.
TURNED_AWAY_S = 1.0
#: Maximum bytes of an unread body that are discarded, so that the response arrives.
MAX_UNREAD = 64 * 1024 * 1024
#: Seconds for which a client's system may accept no data: one that never reads would keep a place
#: among the running requests for ever. nginx has the same limit. The system buffers 64 KiB and more
#: without a reader; once that is full, it accepts more only when a good part was read: so a client
#: that reads byte by byte counts as gone, too.
UNREAD_S = 60.0
#: Minimum interval between log lines about a shortage, in seconds.
LOG_EACH_S = 10.0
#: Fraction of the connections beside what is admitted that may wait for a request head.
WAITING_SHARE = 0.75


def most_waiting(connections: int) -> int:
    """Return how many of a process's connections may wait for a request head.

    Beyond it the one that has waited longest is refused: requests and WebSockets that the settings
    admit, and probes, need the others. With fewer connections than are admitted, as an option of
    gunicorn's may have it, the share is one of all.
    """
    settings = active() or Settings()
    admitted = settings.requests.max_in_flight + settings.websocket.max_sessions
    beside = connections - admitted
    return int((beside if beside > 0 else connections) * WAITING_SHARE)


class OrderedWorker(RefusingWorker):
    """Takes its orders from the memory page shared with its master; signals only wake it.

    A SIGTERM that is not the master's means STOP, and so does the master's death.
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
        """Compute how much time responses have when the worker ends."""
        settings = active() or Settings()
        deadlines = [each.deadline_s for each in settings.providers]
        longest_s = max(deadlines, default=ProviderSettings(name="", api="local").deadline_s)
        self.leaving = Leaving(settings.requests.grace_s, longest_s)
        self._bound_unread()
        super().init_process()  # type: ignore[misc] # gunicorn's

    def _bound_unread(self) -> None:
        """Let the kernel close connections whose clients do not read or have disappeared.

        Accepted sockets inherit the listener's options. For a Unix socket the proxy must do that.
        """
        for listener in self.sockets:
            with suppress(OSError, AttributeError):  # AttributeError: not Linux
                listener.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.unread_s * 1000)
                )

    def close_answers(self) -> None:
        """End every response of the app now."""
        answers = getattr(self.wsgi, "extensions", {}).get(OPEN_ANSWERS)
        if answers is not None:
            answers.close()

    def scarce(self, exhausted: bool) -> None:
        """Free file descriptors if possible; log now and then if there are none."""
        if reclaim():
            return
        for _ in range(FREED_AT_ONCE if exhausted else 1):
            self.free_a_descriptor()
        now = monotonic()
        if exhausted and now >= self._log_again_at:
            self._log_again_at = now + LOG_EACH_S
            self.log.warning("No file descriptor is left, callers wait: raise LimitNOFILE.")

    def free_a_descriptor(self) -> None:
        """Turn away an idle client.

        Its request may already be on its way: the client then reads the refusal.
        """

    def load_wsgi(self) -> None:
        """Load the app, unless this worker is no longer needed."""
        self._end_unless_needed()
        super().load_wsgi()  # type: ignore[misc] # gunicorn's

    def _end_unless_needed(self) -> None:
        """Exit at once if others already serve: this worker has no connections yet."""
        if self.state.phase is Phase.STARTING and self.state.order is Order.RETIRE:
            os._exit(0)

    def handle_exit(self, _signal: int, _frame: object) -> None:
        """Obey the current order, on SIGTERM."""
        self._end_unless_needed()
        self.obey(self.state.order or Order.STOP)

    def handle_quit(self, _signal: int, _frame: object) -> None:
        """End at once, on SIGQUIT and SIGINT: open responses still get their error."""
        self.obey(Order.QUIT)

    def obey(self, order: Order) -> None:
        """Begin to end; also called in signal handlers."""
        self.state.give(order)
        self.state.phase = Phase.LEAVING
        self.leaving.order(order)
        self.alive = False

    def look_up(self) -> None:
        """Check for orders that came without a signal."""
        if self.ppid != os.getppid() and not self._orphaned:
            self._orphaned = True
            self.log.warning("The master process is gone: this worker shuts down gracefully.")
            self.obey(Order.STOP)
        elif self.state.order is not Order.NONE:
            self.obey(self.state.order)
        elif not self.alive:  # it has reached max_requests
            self.obey(Order.RETIRE)
