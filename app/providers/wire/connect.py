"""Connect to whichever of a server's addresses accepts first (RFC 8305, "Happy Eyeballs").

The next address is tried as soon as one fails, or has not answered for HEAD_START_S; those that
were tried before may still answer. So an address that drops packets, as that of a network that has
no route for IPv6, costs a quarter of a second, and one far away is not given up.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, zip_longest
from typing import Any, Self

from app.descriptors import has_room, outgoing_limit
from app.providers.wire.interrupt import Interrupt, shut_down

#: An address family, and an address in the form that its sockets take.
Address = tuple[socket.AddressFamily, Any]

#: Seconds that an address has before the next is tried as well (RFC 8305, section 8).
HEAD_START_S = 0.25
#: While nothing is sent, the system asks the other end after IDLE_S whether it is there, every
#: PROBE_S, PROBES times. A server that was switched off, or whose address was moved, does not say
#: so, and a model may be silent for as long as `timeout_s`.
IDLE_S, PROBE_S, PROBES = 30, 10, 3
_TCP_OPTIONS = {
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": PROBE_S,
    "TCP_KEEPCNT": PROBES,
}
#: Seconds after which a connection is lost if what was sent on it is not confirmed.
UNCONFIRMED_S = 30
#: Linux's struct tcp_info: tcpi_unacked (packets that are not confirmed) and tcpi_last_ack_recv
#: (milliseconds since anything was).
_TCP_INFO = struct.Struct("=24xI28xI")
#: Timeout of a socket that was connected at the last moment, in seconds: 0 would mean "never wait".
_LEAST_S = 0.01


def connect(addresses: Sequence[Address], deadline: float, interrupt: Interrupt) -> socket.socket:
    """Return a socket connected to one of the addresses, watched by `interrupt`.

    Raises:
        TimeoutError: none has answered by `deadline`, a time.monotonic() value.
        OSError: all have failed; or no descriptor is left, or the interrupt fired.
    """
    with _Attempts(interrupt) as attempts:
        return _first(attempts, deque(_by_turns(addresses)), deadline, interrupt)


def _first(
    attempts: _Attempts, untried: deque[Address], deadline: float, interrupt: Interrupt
) -> socket.socket:
    fault: OSError = OSError("the name has no address")
    while untried or attempts:
        if untried and not has_room(outgoing_limit()):
            raise OSError(errno.EMFILE, "the last file descriptors are kept for callers")
        sock, wait_s = None, time_left(deadline)
        try:
            if untried:
                attempts.begin(*untried.popleft())
            sock = attempts.wait(min(wait_s, HEAD_START_S) if untried else wait_s)
        except OSError as error:
            fault = error
        if interrupt.fired:
            raise ConnectionAbortedError("interrupted")
        if sock is not None:
            attempts.leave(sock)
            sock.settimeout(max(_LEAST_S, deadline - time.monotonic()))
            return _ready(sock, interrupt)
    raise fault


def time_left(deadline: float) -> float:
    """Return the seconds until `deadline`. Raises TimeoutError if there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the connection was not made in time")
    return left


def is_lost(sock: socket.socket, waits_s: float) -> bool:
    """Tell whether the other end has confirmed nothing for UNCONFIRMED_S of what was sent.

    `waits_s` is for how long its user has waited for it: one that was idle before has confirmed
    nothing for longer. One that is alive and does not read confirms that. TCP_USER_TIMEOUT would
    give it up as well, and so a long request to a server that is busy with another.
    """
    option = getattr(socket, "TCP_INFO", None)
    if waits_s < UNCONFIRMED_S or option is None or sys.platform != "linux":
        return False
    with suppress(OSError, struct.error):  # a socket of another kind
        found = sock.getsockopt(socket.IPPROTO_TCP, option, _TCP_INFO.size)
        unconfirmed, since_ms = _TCP_INFO.unpack(found)
        return bool(unconfirmed and since_ms >= UNCONFIRMED_S * 1000)
    return False


def _by_turns(addresses: Sequence[Address]) -> list[Address]:
    """Return addresses with their families in turn, the first one's first (RFC 8305, section 4)."""
    families: dict[int, list[Address]] = {}
    for each in addresses:
        families.setdefault(each[0], []).append(each)
    return [each for each in chain.from_iterable(zip_longest(*families.values())) if each]


def _ready(sock: socket.socket, interrupt: Interrupt) -> socket.socket:
    interrupt.watch(partial(shut_down, sock))
    for name, value in _TCP_OPTIONS.items():
        option = getattr(socket, name, None)  # macOS has not all of them
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


class _Attempts:
    """Sockets that are being connected; true while there are any."""

    def __init__(self, interrupt: Interrupt) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._interrupt = interrupt
        interrupt.watch(self._shut_down)

    def __bool__(self) -> bool:
        return bool(self._sockets)

    def begin(self, family: socket.AddressFamily, address: Any) -> None:
        """Begin to connect. Raises OSError if that fails at once."""
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._sockets[sock.fileno()] = sock
        self._poll.register(sock, select.POLLOUT)
        sock.setblocking(False)
        self._fail(sock, sock.connect_ex(address))

    def wait(self, timeout_s: float) -> socket.socket | None:
        """Return one that is connected, None if none is in time. Raises OSError if one fails."""
        if not self._sockets or self._interrupt.fired:
            return None
        for descriptor, _ in self._poll.poll(timeout_s * 1000):
            sock = self._sockets[descriptor]
            self._fail(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            return sock
        return None

    def leave(self, sock: socket.socket) -> None:
        """Let a socket go."""
        del self._sockets[sock.fileno()]
        self._poll.unregister(sock)

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Close those that are left: nobody watches them any more."""
        if kind is not None:
            self._interrupt.forget()
        for sock in self._sockets.values():
            sock.close()

    def _fail(self, sock: socket.socket, error: int) -> None:
        if error in (0, errno.EINPROGRESS):
            return
        self.leave(sock)
        # Returns once no other thread shuts it down: its descriptor may be another's soon.
        self._interrupt.watch(self._shut_down)
        sock.close()
        raise OSError(error, os.strerror(error))

    def _shut_down(self) -> None:
        for sock in list(self._sockets.values()):
            shut_down(sock)
