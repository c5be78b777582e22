"""What both classes of worker make of callers who do not read."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from app.serving.ordered_worker import OrderedWorker, most_waiting


class Worker(OrderedWorker):
    def __init__(self) -> None:
        self.sockets: list[Any] = []


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


def test_idle_connections_leave_room_for_all_that_is_admitted_and_for_probes() -> None:
    """By default 1,000 requests and 1,000 WebSockets are admitted."""
    assert most_waiting(6000) == 3000
    assert most_waiting(20) == 15
