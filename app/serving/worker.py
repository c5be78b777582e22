"""gunicorn's gevent worker, with a faster path for requests in the usual form.

MEASURED: gunicorn's parsing and gevent's sockets took 260 Python calls a request, here 40.
"""

from __future__ import annotations

import os
from functools import partial
from time import monotonic
from typing import Any

from gevent import get_hub, sleep
from gevent.event import Event
from gevent.pool import Pool
from gunicorn import util
from gunicorn.http.wsgi import base_environ
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker
from gunicorn.workers.ggevent import GeventWorker

from app.api.server_keys import PUSH, UPGRADE
from app.serving import greenlets
from app.serving.callers import CallerServer, CallerSocket
from app.serving.http import heads
from app.serving.http.connection import asks_to_close
from app.serving.http.environ import connection_environ, scheme
from app.serving.http.refusals import TLS_HANDSHAKE, check_host, overloaded
from app.serving.http.request_body import READ_SIZE, RequestBody, is_discarded
from app.serving.http.response_writer import ResponseWriter
from app.serving.ordered_worker import (
    FREED_AT_ONCE,
    MAX_UNREAD,
    TURNED_AWAY_S,
    OrderedWorker,
    most_waiting,
)
from app.serving.websockets.keeper import WebSocketKeeper
from app.serving.websockets.upgrade import Upgrade
from app.serving.worker_state import Order, Phase

#: Intervals, in seconds, of a worker's checks for orders, and of its steps once it is ending.
LOOK_S, STEP_S = 1.0, 0.25
#: Seconds for which an ending worker keeps idle connections: requests may be on their way.
LINGER_S = 2.0
_HEAD_END = b"\r\n\r\n"
#: Settings that only gunicorn implements: if any is set, gunicorn handles all requests.
_GUNICORNS_OWN = (
    *("accesslog", "syslog", "statsd_host", "logconfig", "logconfig_dict", "logconfig_json"),
    *("pre_request", "post_request", "keyfile", "certfile", "ssl_context"),
    *("protocol", "proxy_protocol", "secure_scheme_headers"),
)


class BoundListener:
    """A listener's address, for connections that are still served once it is closed."""

    def __init__(self, listener: Any) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        """Return the address where it listened."""
        return self._name


class GatewayWorker(OrderedWorker, GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """Serves requests that heads.read can parse, and leaves all others to gunicorn."""

    def patch(self) -> None:
        """Make sockets cooperative and lean."""
        super().patch()
        greenlets.settle()

    def init_process(self) -> None:
        """Prepare what all requests share."""
        settings = self.cfg.settings
        self._connected: set[CallerSocket] = set()
        #: Connections waiting for a request head, the longest waiting first.
        self._waiting: dict[CallerSocket, None] = {}
        #: Refused connections that are still open, oldest first.
        self._turned_away: dict[CallerSocket, None] = {}
        self._websockets = WebSocketKeeper(self._count)
        # MEASURED: reading a setting of gunicorn's takes two calls.
        self._keepalive_s: float | None = self.cfg.keepalive or None
        self._most_waiting = most_waiting(self.worker_connections)
        self._leaves_all = (
            "SCRIPT_NAME" in os.environ  # noqa: TID251 - gunicorn's own, as every worker reads it
            or "h2" in self.cfg.http_protocols
            or any(settings[name].get() != settings[name].default for name in _GUNICORNS_OWN)
        )
        self._environ = {**base_environ(self.cfg), "wsgi.multithread": True, "SCRIPT_NAME": ""}
        super().init_process()

    def obey(self, order: Order) -> None:
        """Begin to end; of the event loop's methods only async's `send` is safe in any thread."""
        super().obey(order)
        self._rouse.send()

    def init_signals(self) -> None:
        """Install signal handlers that wake the loop in `run`."""
        self._roused = Event()
        self._rouse: Any = get_hub().loop.async_()
        self._rouse.start(self._roused.set)
        super().init_signals()

    def run(self) -> None:
        """Serve until ordered to leave, then finish open requests."""
        self._callers = Pool(self.worker_connections)
        servers = [self._server(each) for each in self.sockets]
        self.state.phase = Phase.SERVING
        while self.alive:
            self.notify()
            self._roused.wait(LOOK_S)
        self._websockets.retire()
        for server in servers:
            if self.state.order is not Order.RETIRE:  # else others serve them
                server.take_rest()
            server.close()
        lingers_until = monotonic() + LINGER_S
        while not self.leaving.step(self, len(self._callers)):
            self.notify()
            if not self.leaving.lingers or monotonic() > lingers_until:
                self._send_away()
            sleep(STEP_S)

    def _server(self, listener: Any) -> CallerServer:
        listener.setblocking(1)
        tls = {"ssl_context": ssl_context(self.cfg)} if self.cfg.is_ssl else {}
        handle = partial(self.handle, BoundListener(listener))
        server = CallerServer(listener, self.scarce, handle=handle, spawn=self._callers, **tls)
        if self.cfg.workers > 1:
            server.max_accept = 1
        server.start()
        return server

    def hang_up(self) -> None:
        """Shut down the remaining connections."""
        for caller in list(self._connected):
            caller.hang_up()

    def free_a_descriptor(self) -> None:
        """Turn away the connection that has been idle longest."""
        # Unread bytes are a request that can be answered: such a connection stays.
        oldest = next((each for each in self._waiting if not each.has_sent()), None)
        if oldest is not None:
            del self._waiting[oldest]
            oldest.turn_away(overloaded(), TURNED_AWAY_S)
            self._turned_away[oldest] = None
        if len(self._turned_away) > FREED_AT_ONCE:
            first = next(iter(self._turned_away))
            del self._turned_away[first]
            first.hang_up()

    def notify(self) -> None:
        """Send the heartbeat, and check for orders."""
        # GeventWorker's would exit with the master, and cut open responses.
        Worker.notify(self)
        self.look_up()

    def _send_away(self) -> None:
        """Close the connections on which no request has arrived."""
        for caller in list(self._waiting):
            if not caller.has_sent():
                caller.hang_up()

    def handle(self, listener: Any, caller: Any, address: Any) -> None:
        """Serve a connection until either side ends it."""
        if not isinstance(caller, CallerSocket):  # TLS is gunicorn's
            super().handle(listener, caller, address)
            return
        self._connected.add(caller)
        try:
            self._await_head(caller, caller.head_s)
            if self._leaves_all:
                super().handle(listener, caller, address)
            else:
                self._converse(listener, caller, address)
        finally:
            self._connected.discard(caller)
            self._waiting.pop(caller, None)
            self._turned_away.pop(caller, None)
            caller.close()

    def _converse(self, listener: Any, caller: CallerSocket, address: Any) -> None:
        """Serve one request after another; from the first unusual one on, gunicorn does."""
        shared = connection_environ(self._environ, listener, caller, address)
        had = b""
        try:
            while had := had or caller.recv(READ_SIZE):
                if _HEAD_END not in had:
                    had = caller.rest_of_head(had)
                end = had.find(_HEAD_END) + len(_HEAD_END)
                head = heads.read(had[:end])
                if head is None:
                    if had.startswith(TLS_HANDSHAKE):
                        self.refuse_tls(caller)
                        return
                    caller.put_back(had)
                    super().handle(listener, caller, address)
                    return
                self._head_came(caller)
                body = RequestBody(caller, head.length, had[end:])
                had = b""  # frees up to 64 KiB, which would be kept while the response lasts
                goes_on = self._serve(head, body, shared)
                if not (self._is_read(caller, body) and goes_on):
                    return
                had = body.spare
                caller.let_others_run(len(had))
                self._await_head(caller)
        except OSError as error:
            self.log.debug("A caller has disconnected: %s", error)

    def _is_read(self, caller: CallerSocket, body: RequestBody) -> bool:
        """Discard what the app left of a body; return whether its end was reached.

        Also if the connection will close: closing with unread bytes sends a reset, which may
        overtake the response.
        """
        if body.left and not caller.is_spent:
            caller.await_head(caller.head_s)  # for its time limits
            body.discard(MAX_UNREAD)
        return not body.left

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request that gunicorn has parsed, within the same time limits."""
        check_host(req)
        if not isinstance(sock, CallerSocket):
            super().handle_request(listener_name, req, sock, addr)
            return
        self._head_came(sock)
        # Called when the response starts: gunicorn closes after a broken body, and says so here.
        ends, leaves = req.should_close, asks_to_close(req.headers)
        req.should_close = lambda: leaves or req.body.failed or sock.is_spent or ends()
        try:
            super().handle_request(listener_name, req, sock, addr)
            sock.await_head(sock.head_s)  # for its time limits
            sock.is_spent = not is_discarded(req.body, MAX_UNREAD) or sock.is_spent
        finally:
            unread = req.unreader.buf.getbuffer().nbytes  # part of the next request
            sock.let_others_run(unread)
            self._await_head(sock)
            if unread:
                sock.begin_head()

    def _await_head(self, caller: CallerSocket, first_byte_s: float | None = None) -> None:
        """Expect a connection's next head; if too many wait, refuse the oldest."""
        caller.await_head(first_byte_s or self._keepalive_s)
        self._waiting[caller] = None
        if len(self._waiting) > self._most_waiting:
            self.free_a_descriptor()

    def _head_came(self, caller: CallerSocket) -> None:
        self._waiting.pop(caller, None)
        caller.await_body()

    def _serve(self, head: heads.Head, body: RequestBody, shared: dict[str, Any]) -> bool:
        """Answer a request; return whether its connection can be reused.

        `shared` are the environ's keys common to all requests on the connection.
        """
        self._count()
        caller = shared["gunicorn.socket"]
        ends = head.closes or head.length > MAX_UNREAD or not self.alive
        answer = ResponseWriter(caller, ends or self._keepalive_s is None)
        environ = {**shared, **head.environ, "wsgi.input": body, PUSH: answer}
        environ["wsgi.url_scheme"] = scheme(environ, self.cfg)
        start, upgrade = answer.start, None
        if head.upgrades:
            upgrade = environ[UPGRADE] = Upgrade(environ, answer.start)
            start = upgrade.start
        try:
            pieces = self.wsgi(environ, start)
            if upgrade is not None and upgrade.handler() is not None:
                self._websockets.serve(upgrade, caller, body.spare)
                return False
            try:
                answer.write_all(pieces)
                answer.end()
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
        except OSError:
            raise
        except Exception:
            self.log.exception("Error handling request")
            if not answer.begun:
                util.write_error(caller, 500, "Internal Server Error", "")
            return False
        return not answer.closes

    def _count(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
