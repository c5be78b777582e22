"""One question to a gateway that was just started."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from app.cli.common.probe import ask
from tests.processes import free_port

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@contextlib.contextmanager
def answering(listener: socket.socket, answer: bytes = ANSWER) -> Iterator[list[bytes]]:
    """Have one request answered; yield what was asked."""
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65536))
            connection.sendall(answer)

    thread = Thread(target=serve)
    with listener:
        thread.start()
        yield received
        thread.join()


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def bind_of(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_the_answer_is_its_status_and_its_body(listener: socket.socket) -> None:
    with answering(listener):
        assert ask(bind_of(listener), "/readyz") == (200, b"ok")


def test_a_key_is_sent_as_one(listener: socket.socket) -> None:
    with answering(listener) as received:
        ask(bind_of(listener), "/v1/models", "sk-key")
    assert b"Authorization: Bearer sk-key\r\n" in received[0]


def test_without_a_key_none_is_sent(listener: socket.socket) -> None:
    with answering(listener) as received:
        ask(bind_of(listener), "/readyz")
    assert b"Authorization" not in received[0]


def test_a_unix_socket_is_asked_alike() -> None:
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        path = Path(folder) / "s"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        with answering(listener):
            assert ask(f"unix:{path}", "/readyz") == (200, b"ok")


def test_where_nobody_listens_there_is_no_answer() -> None:
    assert ask(f"127.0.0.1:{free_port()}", "/readyz") is None


def test_nonsense_is_no_answer(listener: socket.socket) -> None:
    with answering(listener, b"nonsense\r\n\r\n"):
        assert ask(bind_of(listener), "/readyz") is None
