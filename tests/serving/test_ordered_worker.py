"""What both classes of worker make of callers who do not read."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from app.serving.ordered_worker import OrderedWorker


class Gunicorns:
    """A worker of gunicorn's, whose request ends with a fault."""

    def handle_request(self, fault: OSError) -> None:
        raise fault


class Worker(OrderedWorker, Gunicorns):
    def __init__(self) -> None:
        self.sockets: list[Any] = []


def test_a_caller_who_reads_nothing_has_left() -> None:
    with pytest.raises(BrokenPipeError) as raised:
        Worker().handle_request(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
    assert raised.value.errno == errno.EPIPE


def test_any_other_fault_is_left_as_it_is() -> None:
    with pytest.raises(TimeoutError):
        Worker().handle_request(TimeoutError("timed out"))


def test_what_a_listener_accepts_is_bounded_and_a_unix_socket_is_left_alone() -> None:
    worker = Worker()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        worker.sockets = [unix, SimpleNamespace(), listener]
        worker._bound_unread()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            bound = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert bound == worker.unread_s * 1000
