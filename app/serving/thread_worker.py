"""gunicorn's threaded worker, with a shutdown that interrupts no response (A8)."""

from __future__ import annotations

import errno
import itertools
import select
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from app.descriptors import SHORTAGE, has_unread, threshold
from app.serving.http.connection import asks_to_close
from app.serving.http.refusals import TLS_HANDSHAKE, TLSHandshake, check_host, overloaded
from app.serving.http.request_body import READ_SIZE
from app.serving.ordered_worker import (
    FREED_AT_ONCE,
    LOG_EACH_S,
    MAX_UNREAD,
    TURNED_AWAY_S,
    OrderedWorker,
)
from app.serving.threads.request_threads import RequestThreads
from app.serving.worker_state import Order, Phase

#: Interval at which an ending worker checks what to do next, in seconds.
STEP_S = 0.25
#: Timeout for a connection's first bytes when file descriptors are scarce, in seconds.
SCARCE_S = 0.5
#: Seconds for which an unread body is discarded after the response, and may meanwhile be silent.
SEE_OFF_S, SILENT_S = 30.0, 2.0
#: Pause in accepting connections after file descriptors ran out, in seconds.
PAUSE_S = 0.1


class GatewayThreadWorker(OrderedWorker, ThreadWorker):  # type: ignore[misc] # it has no types
    """Serves each request in a thread."""

    def obey(self, order: Order) -> None:
        """Begin to end, and wake the loop, which may be waiting."""
        super().obey(order)
        self.method_queue.defer(lambda: None)

    def run(self) -> None:
        """Serve until ordered to leave, then finish open requests."""
        self._busy: set[Any] = set()
        self._unwanted: list[Any] = []
        #: Refused connections that are still open, oldest first, with the time to close them.
        self._turned_away: dict[Any, float] = {}
        queue, self._threshold = self.method_queue, threshold()
        self.poller.register(queue.fileno(), selectors.EVENT_READ, queue.run_callbacks)
        self.set_accept_enabled(True)
        self.state.phase = Phase.SERVING
        try:
            while self.alive:
                self.notify()
                self.set_accept_enabled(self.nr_conns < self.worker_connections)
                self.wait_for_and_dispatch_events(timeout=1.0)
                self.look_up()
                self._turn_away()
                self.murder_keepalived()
                self.murder_pending()
            self._leave()
        finally:
            self.tpool.shutdown(wait=False)  # the process ends once its threads have

    def _leave(self) -> None:
        self.set_accept_enabled(False)
        for listener in self.sockets:
            if self.state.order is not Order.RETIRE:  # else others serve them
                self._take_rest(listener)
            listener.close()  # else callers would queue up at it
        lingers_until = time.monotonic() + STOP_KEEPALIVE_LINGER
        while not self.leaving.step(self, self.nr_conns):
            self.notify()
            self.look_up()
            if not self.leaving.lingers or time.monotonic() > lingers_until:
                self._send_away()
            self._turn_away()
            self.wait_for_and_dispatch_events(timeout=STEP_S)
        self.poller.close()
        self.method_queue.close()

    def _take_rest(self, listener: Any) -> None:
        """Accept the connections already established: closing the listener would reset them."""
        taken = -1
        while taken < self.nr_conns < self.worker_connections:
            taken = self.nr_conns
            self.accept(listener)

    def _send_away(self) -> None:
        """Close idle connections, and those that have sent nothing."""
        now = time.monotonic()
        for connection in (*self.keepalived_conns, *self.pending_conns):
            if not has_sent(connection):
                connection.timeout = min(connection.timeout, now)
        self.murder_keepalived()
        self.murder_pending()

    def accept(self, listener: Any) -> None:
        """Accept a connection; if there is no file descriptor for it, pause for a moment."""
        try:
            client, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.ECONNABORTED:
                return
            if error.errno not in SHORTAGE:
                raise
            self.scarce(exhausted=True)
            time.sleep(PAUSE_S)  # the request threads go on
            return
        if client.fileno() >= self._threshold:
            self.scarce(exhausted=False)
        self.nr_conns += 1
        client.setblocking(True)
        connection = ThreadConnection(self.cfg, client, address, listener.getsockname())
        connection.pool = self.tpool
        self.enqueue_req(connection)

    def get_thread_pool(self) -> RequestThreads:
        """Return the threads that serve requests."""
        return RequestThreads(self.cfg.threads)

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread serve a request; if none can be started, refuse it."""
        try:
            served = self.tpool.submit(self.handle, conn)
        except RuntimeError:
            self._refuse(conn)
            return
        served.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def _refuse(self, connection: Any) -> None:
        now = time.monotonic()
        if now >= self._log_again_at:
            self._log_again_at = now + LOG_EACH_S
            self.log.warning("No thread is left, callers are refused: raise TasksMax (pids limit).")
        self._send_off(connection, now)

    def handle(self, conn: Any) -> Any:
        """Serve a request of a connection; runs in a thread."""
        self._busy.add(conn)
        try:
            return super().handle(conn)
        finally:
            self._busy.discard(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, and close its connection if it asks for that."""
        check_host(req)
        if asks_to_close(req.headers):
            req.must_close = True
        return super().handle_request(req, conn)

    def hang_up(self) -> None:
        """Shut down the remaining connections."""
        for connection in list(self._busy):
            with suppress(OSError):
                # Not closed: the descriptor could be reused while a thread still uses it.
                connection.sock.shutdown(socket.SHUT_RDWR)

    def free_a_descriptor(self) -> None:
        """Mark the connections that have been idle longest to be turned away.

        The loop does it, once it has handled everything that the poller has found.
        """
        for waiting in (self.pending_conns, self.keepalived_conns):
            free = (each for each in waiting if each not in self._unwanted and not has_sent(each))
            self._unwanted += itertools.islice(free, 1)

    def _turn_away(self) -> None:
        """Refuse the marked connections if still idle, and close those refused long enough ago."""
        now = time.monotonic()
        unwanted, self._unwanted = self._unwanted, []
        for connection in unwanted:
            for waiting in (self.pending_conns, self.keepalived_conns):
                if connection in waiting and not has_sent(connection):
                    waiting.remove(connection)
                    self.poller.unregister(connection.sock)
                    self._send_off(connection, now)
        least = len(self._turned_away) - FREED_AT_ONCE
        for place, (connection, until) in enumerate(list(self._turned_away.items())):
            if place < least or until <= now:
                self._close(connection)

    def _send_off(self, connection: Any, now: float) -> None:
        """Refuse a client, and discard what it still sends: closing at once would send a reset."""
        connection.turn_away(overloaded())
        self.poller.register(
            connection.sock, selectors.EVENT_READ, partial(self._drain, connection)
        )
        self._turned_away[connection] = now + TURNED_AWAY_S

    def _drain(self, connection: Any, client: Any) -> None:
        """Discard what a refused client sends; close the connection at its end of file."""
        came = b""
        with suppress(OSError):
            came = client.recv(READ_SIZE)
        if not came and connection in self._turned_away:
            self._close(connection)

    def _close(self, connection: Any) -> None:
        """Close a refused connection."""
        del self._turned_away[connection]
        self.poller.unregister(connection.sock)
        self.nr_conns -= 1
        connection.close()


def has_sent(connection: Any) -> bool:
    """Tell whether there are unread bytes, which closing would answer with a reset."""
    return has_unread(connection.sock.fileno())


class ThreadConnection(TConn):  # type: ignore[misc] # as above
    """A client connection. Waiting for its first bytes takes no extra file descriptor."""

    data_ready: bool
    pool: RequestThreads

    def init(self) -> None:
        """Prepare to read requests.

        Raises:
            TLSHandshake: the client speaks TLS.
        """
        if not (self.initialized or self.cfg.is_ssl) and self._begins_tls():
            raise TLSHandshake
        super().init()

    def _begins_tls(self) -> bool:
        try:
            come: bytes = self.sock.recv(len(TLS_HANDSHAKE), socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:  # nothing has come yet, or the caller has gone
            return False
        return come == TLS_HANDSHAKE

    def turn_away(self, refusal: bytes) -> None:
        """Send a refusal and end sending; a request on its way would else get a reset."""
        with suppress(OSError):
            self.sock.send(refusal)
            self.sock.shutdown(socket.SHUT_WR)

    def close(self, graceful: bool = False) -> None:
        """Close the connection; if `graceful`, in a thread, leaving time to read the response.

        gunicorn would wait in its loop: while a client does not hang up, nobody is served.
        """
        if graceful:
            with suppress(RuntimeError):  # there are no threads any more
                self.pool.submit(self._see_off)
                return
        super().close()

    def _see_off(self) -> None:
        """Discard what the client still sends, then close.

        An unread body may have any length: with bytes unread, closing sends a reset, which may
        overtake the response. gunicorn itself stops at 64 KiB. If another request waits for this
        thread, it stops at once.
        """
        until, left = time.monotonic() + SEE_OFF_S, MAX_UNREAD
        with suppress(OSError):
            self.sock.settimeout(SILENT_S)
            self.sock.shutdown(socket.SHUT_WR)
            while left > 0 and time.monotonic() < until and not self.pool.is_wanted:
                came = self.sock.recv(READ_SIZE)
                if not came:
                    break
                left -= len(came)
        super().close()

    def wait_for_data(self, timeout: float) -> bool:
        """Return whether data has arrived within `timeout` seconds."""
        came: bool = self.data_ready
        if not came:
            if self.sock.fileno() >= threshold():  # scarce: the poller waits instead
                timeout = min(timeout, SCARCE_S)
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            came = self.data_ready = bool(poll.poll(timeout * 1000))
        return came
