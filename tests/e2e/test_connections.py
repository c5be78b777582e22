"""What becomes of a caller's connection: requests one after the other, and how it ends."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway
from tests.processes import PATIENCE_S, free_port, started, until


@pytest.fixture
def connection(either_gateway: Gateway) -> Iterator[socket.socket]:
    """A connection to the gateway."""
    place = urlsplit(either_gateway.url)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as connection:
        yield connection


def request_bytes(text: str, key: str) -> bytes:
    """Return a request as it goes over the wire."""
    body = json.dumps({"model": "local/echo", "input": text, "store": False})
    return (
        f"POST /v1/responses HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def answers(connection: socket.socket, count: int) -> list[tuple[int, str | None]]:
    """Return the statuses and texts of the next answers on a connection."""
    found = []
    with connection.makefile("rb") as stream:
        for _ in range(count):
            status = int(stream.readline().split()[1])
            length = 0
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            found.append((status, json.loads(stream.read(length)).get("output_text")))
    return found


def test_requests_that_come_at_once_are_answered_in_turn(
    connection: socket.socket, either_gateway: Gateway
) -> None:
    key = either_gateway.keys.own
    connection.sendall(
        request_bytes("one", key) + request_bytes("two", key) + request_bytes("three", key)[:40]
    )
    assert answers(connection, 2) == [(200, "one"), (200, "two")]
    connection.sendall(request_bytes("three", key)[40:])
    assert answers(connection, 1) == [(200, "three")]


@pytest.mark.parametrize("cut", [1, 20, 100, -5])
def test_a_request_may_come_in_pieces(
    connection: socket.socket, either_gateway: Gateway, cut: int
) -> None:
    request = request_bytes("hello", either_gateway.keys.own)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (request[:cut], request[cut:], request):
        connection.sendall(piece)
    assert answers(connection, 2) == [(200, "hello")] * 2


def test_a_refused_upload_leaves_its_connection_usable(gateway: Gateway) -> None:
    place = urlsplit(gateway.url)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as connection:
        connection.sendall(request_bytes("x" * 1_000_000, "sk-nobody"))
        connection.sendall(request_bytes("hello", gateway.keys.own))
        assert answers(connection, 2) == [(401, None), (200, "hello")]


def test_a_caller_may_ask_for_an_end(connection: socket.socket, either_gateway: Gateway) -> None:
    request = request_bytes("hello", either_gateway.keys.own)
    connection.sendall(request.replace(b"Host:", b"Connection: close\r\nHost:"))
    assert answers(connection, 1) == [(200, "hello")]
    assert connection.recv(1) == b""


def test_idle_connections_do_not_hold_up_a_stop(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    env = environment | {"BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1"}
    argv = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"]
    log_file = tmp_path / "log"
    with (
        log_file.open("wb") as log,
        started(argv, env=env, stdout=log, stderr=log) as process,
        contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as idle,
    ):

        def is_ready() -> bool:
            try:
                idle.request("GET", "/healthz")
                return idle.getresponse().read() != b""
            except OSError:
                idle.close()
                return False

        until(is_ready, "gunicorn to answer")
        process.send_signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        assert process.wait(PATIENCE_S) == 0
