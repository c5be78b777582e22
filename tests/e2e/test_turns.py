"""A caller who sends without a break, without a key, holds up nobody."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway
from tests.processes import PATIENCE_S

#: Connections, and requests on each.
CONNECTIONS, REQUESTS = 8, 2_000
#: For how long another request may take beside them. MEASURED: 0.1 s; without turns 1.6 s, the more
#: the more is sent.
SOON_S = 1.0
_MODELS = "GET /v1/models HTTP/1.1\r\nHost: gateway\r\n"
_CREATE = "POST /v1/responses HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"


def requests_of(head: str) -> bytes:
    """Return many requests, the last of which ends the connection."""
    return (f"{head}\r\n" * (REQUESTS - 1) + f"{head}Connection: close\r\n\r\n").encode()


FLOODS = {
    "usual requests": requests_of(_MODELS),
    "requests that gunicorn reads": requests_of(_MODELS.replace("models", "model%73")),
    "an unread body in one chunk": f"{_CREATE}1c00000\r\n".encode() + bytes(0x1C00000),
    "an unread body in small chunks": _CREATE.encode() + b"1\r\nx\r\n" * 100_000,
}


def send(place: tuple[str, int], data: bytes) -> None:
    """Send all, and read what comes, until the other side has ended the connection."""
    with socket.create_connection(place, PATIENCE_S) as caller, suppress(OSError):
        reader = threading.Thread(target=read_all, args=(caller,))
        reader.start()
        try:
            caller.sendall(data)
            caller.shutdown(socket.SHUT_WR)
        finally:
            reader.join()


def read_all(caller: socket.socket) -> None:
    with suppress(OSError):
        while caller.recv(1_000_000):
            continue


@contextmanager
def flooded(gateway: Gateway, data: bytes) -> Iterator[list[threading.Thread]]:
    """Send the data on many connections at once; yield who does."""
    url = urlsplit(gateway.url)
    place = (str(url.hostname), url.port or 80)
    senders = [threading.Thread(target=send, args=(place, data)) for _ in range(CONNECTIONS)]
    for each in senders:
        each.start()
    yield senders
    for each in senders:
        each.join()


@pytest.mark.parametrize("data", FLOODS.values(), ids=FLOODS)
def test_who_sends_without_a_break_holds_up_nobody(gevent_gateway: Gateway, data: bytes) -> None:
    longest_s = 0.0
    with flooded(gevent_gateway, data) as senders:
        while any(map(threading.Thread.is_alive, senders)):
            began = monotonic()
            headers = {"Connection": "close"}  # of any of the processes
            answer = gevent_gateway.call("GET", "/healthz", headers=headers)
            assert answer.status_code == 200
            longest_s = max(longest_s, monotonic() - began)
    assert 0 < longest_s < SOON_S
