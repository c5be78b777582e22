"""Many sockets on one thread without tasks, to keep the load generator's cost per read low."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

READ_SIZE = 256 * 1024

#: Called with what was read, b"" at the end.
OnData = Callable[[bytes], None]


class Loop:
    """Reads from all of its sockets until none is left open."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._open = 0

    def connect(self, address: tuple[str, int], on_data: OnData) -> socket.socket:
        """Return a new connection whose reads go to `on_data`."""
        sock = socket.create_connection(address, timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, on_data)
        self._open += 1
        return sock

    def close(self, sock: socket.socket) -> None:
        """Close a connection."""
        self._selector.unregister(sock)
        sock.close()
        self._open -= 1

    @property
    def is_idle(self) -> bool:
        """Whether every connection is closed."""
        return self._open == 0

    def turn(self, wait_s: float) -> None:
        """Wait at most `wait_s` for data, and dispatch it."""
        for key, _ in self._selector.select(max(0.0, wait_s)):
            on_data: OnData = key.data
            on_data(key.fileobj.recv(READ_SIZE))  # type: ignore[union-attr] # a socket, always
