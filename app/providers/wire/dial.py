"""Open connections: resolve the name, pass a proxy, verify TLS, all within one timeout."""

from __future__ import annotations

import base64
import errno
import os
import re
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import certifi

from app.providers.wire.connect import Address, connect, time_left
from app.providers.wire.interrupt import Interrupt, shut_down

MAX_PROXY_HEAD = 16 * 1024
#: What is said of a proxy's 407.
REFUSED_LOGIN = "the proxy wants a login, or refuses the one that it has (HTTP 407)"
_PROTOCOL = b"HTTP/1."
_STATUS = re.compile(rb"HTTP/1\.\d (\d{3})(?![^ \r])")


class ProxyRefused(OSError):
    """The proxy refused the connection, or its response cannot be used."""


class ProxyForbids(ProxyRefused):
    """The proxy's rules refuse the gateway or the server: the operator has to change something."""


class Origin(NamedTuple):
    """The server that a URL names."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the scheme's default, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """Return the server that `url` names.

    Raises:
        ValueError: it is not an http(s) URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL must begin with http:// or https:// and name a host")
    return Origin(
        parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    )


class Resolver:
    """Resolves names in a thread for each, because the system call has no timeout.

    Under gevent the thread is one of a pool (app/serving/greenlets.py sets its size). Concurrent
    requests for the same name share one lookup, so that a dead name server never blocks more than
    one thread per name.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The key includes the pid: a lookup that was running at a fork never ends in the child.
        self._running: dict[tuple[int, str, int], Future[list[Address]]] = {}

    def resolve(
        self, host: str, port: int, timeout_s: float, interrupt: Interrupt
    ) -> list[Address]:
        """Return the addresses of `host`, in the order in which to try them.

        Raises:
            TimeoutError: no answer came in time.
            OSError: there is no such name, or the interrupt fired.
        """
        numeric = _numeric(host)
        if numeric is not None:
            return [(numeric, (host, port))]
        done = threading.Event()
        interrupt.watch(done.set)
        lookup = self._join(host, port)
        lookup.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            raise TimeoutError("the name was not resolved in time")
        if not lookup.done():
            raise ConnectionAbortedError("interrupted")
        return lookup.result()

    def _join(self, host: str, port: int) -> Future[list[Address]]:
        key = (os.getpid(), host, port)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                thread = threading.Thread(target=self._look_up, args=key, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    reason = "there is no thread left to resolve names in"
                    raise OSError(errno.ENOMEM, reason) from error
                running = self._running[key] = Future()
            return running

    def _look_up(self, pid: int, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            fault = error if isinstance(error, OSError) else OSError("no host can have this name")
            self._end_lookup(pid, host, port).set_exception(fault)
        else:
            self._end_lookup(pid, host, port).set_result([(info[0], info[4]) for info in found])

    def _end_lookup(self, *key: *tuple[int, str, int]) -> Future[list[Address]]:
        with self._lock:
            return self._running.pop(key)


def _numeric(host: str) -> socket.AddressFamily | None:
    """Return the family of a numeric address, which needs no lookup; None for a name.

    MEASURED: leaving this to a lookup thread delays a new connection by 0.4 ms.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return family
    return None


@dataclass(frozen=True)
class Dialer:
    """Opens sockets that are ready for HTTP.

    TLS is verified against certifi's authorities, or only against those in `ca_file`. `proxy` is
    an http:// URL, optionally with credentials; no proxy is ever taken from the environment.
    """

    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    resolver: Resolver = field(default_factory=Resolver, repr=False)

    def __post_init__(self) -> None:
        if self.proxy is not None and origin_of(self.proxy).scheme != "http":
            raise ValueError("a proxy must be reached by http://")

    @cached_property
    def proxy_authorization(self) -> str | None:
        """The Proxy-Authorization header's value, None if the URL has no credentials."""
        parts = urlsplit(self.proxy or "")
        if parts.username is None:
            return None
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return "Basic " + base64.b64encode(login.encode()).decode()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made on first use: an event loop replaces ssl after this module has been imported.
        context = ssl.create_default_context(cafile=str(self.ca_file or certifi.where()))
        context.set_alpn_protocols(["http/1.1"])
        return context

    def dial(self, origin: Origin, timeout_s: float, interrupt: Interrupt) -> socket.socket:
        """Return a socket connected to `origin`, watched by `interrupt`.

        An address whose TLS handshake stalls, as that of a network that drops long packets, has
        half of the time that is left; then the others are tried.

        Raises:
            TimeoutError: it took longer than `timeout_s` in all.
            ProxyRefused, ssl.SSLError, OSError: it failed, or the interrupt fired.
        """
        deadline = time.monotonic() + timeout_s
        nearest = origin_of(self.proxy) if self.proxy else origin
        addresses = self.resolver.resolve(nearest.host, nearest.port, timeout_s, interrupt)
        while True:
            sock = connect(addresses, deadline, interrupt)
            if origin.scheme == "http":
                return sock
            addresses = [] if self.proxy else _without_peer(addresses, sock)
            until = (time.monotonic() + deadline) / 2 if addresses else deadline
            try:
                if self.proxy:
                    self._tunnel(sock, origin, until)
                return self._wrap(sock, origin.host, until, interrupt)
            except TimeoutError:
                _drop(sock, interrupt)
                if not addresses:
                    raise
            except BaseException:
                _drop(sock, interrupt)
                raise

    def _wrap(
        self, sock: socket.socket, host: str, deadline: float, interrupt: Interrupt
    ) -> socket.socket:
        sock.settimeout(time_left(deadline))
        # The handshake is a separate step, so that the interrupt already watches the new object:
        # wrapping detaches the old one from the file descriptor.
        tls = self._tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        try:
            interrupt.watch(partial(shut_down, tls))
            tls.do_handshake()
        except BaseException:
            _drop(tls, interrupt)
            raise
        return tls

    def _tunnel(self, sock: socket.socket, origin: Origin, deadline: float) -> None:
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
        if self.proxy_authorization:
            lines.append(f"Proxy-Authorization: {self.proxy_authorization}")
        sock.settimeout(time_left(deadline))
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        head = b""
        while (status := _final_status(head)) is None:
            sock.settimeout(time_left(deadline))
            # Nothing follows the head unprompted: the upstream's TLS waits for our handshake.
            piece = sock.recv(MAX_PROXY_HEAD)
            head += piece
            if not piece or len(head) > MAX_PROXY_HEAD:
                raise ProxyRefused("the proxy's answer is cut or too long")
        if status == b"407":
            raise ProxyForbids(REFUSED_LOGIN)
        if status == b"403":
            raise ProxyForbids("the proxy's rules do not allow a connection to it (HTTP 403)")
        if not status.startswith(b"2"):
            words = f" (HTTP {status.decode()})" if status else ": its answer is not HTTP"
            raise ProxyRefused(f"the proxy refused the connection{words}")


def _final_status(read: bytes) -> bytes | None:
    """Return the status that a proxy gives, b"" if it does not speak HTTP, None if more must come.

    Interim answers (1xx) come before it; the words behind it may be missing (RFC 9112, section 4).
    """
    *heads, rest = read.split(b"\r\n\r\n")
    for head in heads:
        found = _STATUS.match(head)
        if found is None or not found[1].startswith(b"1"):
            return found[1] if found else b""
    return None if _PROTOCOL.startswith(rest[: len(_PROTOCOL)]) else b""


def _without_peer(addresses: list[Address], sock: socket.socket) -> list[Address]:
    """Return the addresses without the one that a socket is connected to; none if that is lost."""
    try:
        peer = sock.getpeername()
    except OSError:
        return []
    return [each for each in addresses if each[1][:2] != peer[:2]]


def _drop(sock: socket.socket, interrupt: Interrupt) -> None:
    interrupt.forget()
    sock.close()
