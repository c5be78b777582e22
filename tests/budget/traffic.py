"""Counts what this thread sends and reads over its sockets: to Redis, and to the upstream.

At the sockets, below all libraries, so that it holds whichever of them is used, and how.
"""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from unittest import mock

import hiredis

_SENDS = ("send", "sendall", "sendmsg")
_READS = ("recv", "recv_into", "recvmsg")
_CONNECTS = ("connect", "connect_ex")


@dataclass(slots=True)
class Line:
    """What went over the connections to one peer; a round trip is to send, and then to read."""

    connections: int = 0
    round_trips: int = 0
    sent: bytearray = field(default_factory=bytearray)
    _is_sending: bool = False

    def note(self, kind: str, args: tuple[Any, ...], result: Any) -> None:
        """Take note of one call of a socket's method, and what it returned."""
        if kind in _CONNECTS:
            self.connections += 1
        elif kind in _READS:
            self.round_trips += self._is_sending
            self._is_sending = False
        else:
            data = b"".join(args[0]) if kind == "sendmsg" else bytes(args[0])
            self.sent += data[:result]  # None of sendall, which sends everything
            self._is_sending = True

    def commands(self) -> int:
        """Return how many commands of Redis were sent."""
        reader = hiredis.Reader()
        reader.feed(bytes(self.sent))
        count = 0
        while reader.gets() is not False:
            count += 1
        return count


class Traffic:
    """Redis listens on a Unix socket, and the upstream on TCP: that tells them apart."""

    def __init__(self) -> None:
        self.redis = Line()
        self.upstream = Line()
        self._thread = threading.get_ident()

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        for kind in (*_SENDS, *_READS, *_CONNECTS):
            patch = mock.patch.object(socket.socket, kind, self._noting(kind))
            self._stack.enter_context(patch)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _noting(self, kind: str) -> Any:
        real = getattr(socket.socket, kind)

        def call(connection: socket.socket, *args: Any, **options: Any) -> Any:
            result = real(connection, *args, **options)
            if threading.get_ident() == self._thread:
                unix = connection.family == socket.AF_UNIX
                (self.redis if unix else self.upstream).note(kind, args, result)
            return result

        return call
