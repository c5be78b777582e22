"""gunicorn's worker of threads, with an end that cuts no answer (A8)."""

from __future__ import annotations

import selectors
import time

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.serving.ordered_worker import OrderedWorker
from app.serving.worker_state import Order, Phase

#: How often a worker that ends looks what is due.
STEP_S = 0.25


class GatewayThreadWorker(OrderedWorker, ThreadWorker):  # type: ignore[misc] # it has no types
    """Serves each request in a thread."""

    def obey(self, order: Order) -> None:
        """Begin to end, soon: the loop may be waiting."""
        super().obey(order)
        self.method_queue.defer(lambda: None)

    def run(self) -> None:
        """Serve until it is time to leave, then finish what there is."""
        queue = self.method_queue
        self.poller.register(queue.fileno(), selectors.EVENT_READ, queue.run_callbacks)
        self.set_accept_enabled(True)
        self.state.phase = Phase.SERVING
        while self.alive:
            self.notify()
            self.set_accept_enabled(self.nr_conns < self.worker_connections)
            self.wait_for_and_dispatch_events(timeout=1.0)
            self.look_up()
            self.murder_keepalived()
            self.murder_pending()
        self._leave()

    def _leave(self) -> None:
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()  # else callers would queue up at it
        lingers_until = time.monotonic() + STOP_KEEPALIVE_LINGER
        while not self.leaving.step(self.answers, self.nr_conns):
            self.notify()
            self.look_up()
            if not self.leaving.lingers or time.monotonic() > lingers_until:
                self._send_away()
            self.wait_for_and_dispatch_events(timeout=STEP_S)
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()

    def _send_away(self) -> None:
        """Close the connections that nothing has come on, or nothing more."""
        now = time.monotonic()
        self._cap_keepalive(now)
        self.murder_keepalived()
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, now)
        self.murder_pending()
