"""What happens while a request is being sent, with sockets that do as they are told."""

from __future__ import annotations

import errno
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from app.providers.wire import connect
from app.providers.wire.adapter import WireAdapter, WireRequest
from app.providers.wire.connect import _TCP_INFO, Address
from app.providers.wire.dial import Dialer, Origin, Resolver
from app.providers.wire.exchange import Exchange, Timeouts
from app.providers.wire.interrupt import Interrupt
from app.providers.wire.pool import UpstreamConnection, UpstreamPool
from app.providers.wire.response import IncompleteResponse
from tests.processes import PATIENCE_S

ORIGIN = Origin("http", "acme.test", 80)
ANSWER = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


class Socket(socket.socket):
    """A socket whose sending and receiving are told."""

    def __init__(self, on_send: Callable[[], None], *reads: bytes) -> None:
        super().__init__()
        self._on_send = on_send
        self._reads = list(reads)

    def send(self, data: Any, *_: Any) -> int:
        self._on_send()
        return len(data)

    def recv(self, *_: Any) -> bytes:
        if self._reads:
            return self._reads.pop(0)
        raise BlockingIOError


class Redial(Dialer):
    """A dialer that hands out one socket."""

    sock: socket.socket

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        vars(self)["sock"] = sock

    def dial(self, *_: Any) -> socket.socket:
        return self.sock


def works() -> None:
    return


def breaks() -> None:
    raise BrokenPipeError


def stalls() -> None:
    raise TimeoutError


def exchange(
    new: socket.socket,
    idle: socket.socket | None = None,
    interrupt: Interrupt | None = None,
    *,
    read_s: float = 60.0,
    silence_s: float | None = None,
) -> Exchange:
    pool = UpstreamPool(time.monotonic)
    if idle is not None:
        pool.give(UpstreamConnection(idle, time.monotonic()))
    timeouts = Timeouts(60, read_s, time.monotonic() + 60, silence_s)
    return Exchange(Redial(new), pool, ORIGIN, (b"head", b""), timeouts, interrupt or Interrupt())


def test_an_early_answer_is_read_though_the_request_was_not_wanted_whole() -> None:
    result = exchange(Socket(breaks, ANSWER))
    assert result.wait_for_head()
    assert (result.response.status, result.read()) == (413, b"no")
    result.close()


def test_a_request_that_an_idle_connection_does_not_take_goes_by_a_new_one() -> None:
    with Socket(breaks) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle)
        assert result.wait_for_head()
        result.close()


def test_a_request_that_takes_too_long_is_not_sent_again() -> None:
    with Socket(stalls) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle, read_s=0.05)
        with pytest.raises(TimeoutError):
            result.wait_for_head()
        result.close()


class Unconfirmed(Socket):
    """A socket that was idle for a minute, and on which what was sent is not confirmed yet."""

    def getsockopt(self, *_: Any) -> bytes:  # type: ignore[override]
        return _TCP_INFO.pack(1, 60_000)

    def recv(self, *_: Any) -> bytes:
        raise TimeoutError if self.gettimeout() else BlockingIOError


def test_a_packet_that_is_late_does_not_make_an_idle_connection_a_lost_one() -> None:
    with Unconfirmed(works) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle, silence_s=1.0)
        assert not result.wait_for_head()
        result.close()


@pytest.mark.parametrize("sends", [works, stalls])
def test_an_idle_connection_is_lost_once_nothing_is_confirmed_for_long(
    monkeypatch: pytest.MonkeyPatch, sends: Callable[[], None]
) -> None:
    monkeypatch.setattr(connect, "UNCONFIRMED_S", 0.0)
    with Unconfirmed(sends) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle, silence_s=1.0)
        assert result.wait_for_head()
        result.close()


class Lost(Socket):
    """A socket that the system gives up once something was sent, as nothing of it is confirmed."""

    is_lost = False

    def send(self, data: Any, *_: Any) -> int:
        self.is_lost = True
        return len(data)

    def recv(self, *_: Any) -> bytes:
        if self.is_lost and not self._reads:
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
        return super().recv()


def test_a_request_whose_idle_connection_is_lost_goes_by_a_new_one() -> None:
    with Lost(works) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle)
        assert result.wait_for_head()
        result.close()


def test_a_long_request_that_its_idle_connection_does_not_take_goes_by_a_new_one() -> None:
    def gives_up() -> None:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    with Socket(gives_up) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle)
        assert result.wait_for_head()
        result.close()


def test_a_request_is_sent_piece_by_piece_until_its_time_is_over() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = UpstreamConnection(ours, 0.0)
        connection.wait_at_most(0.05)
        data = bytes(range(256)) * 4096
        with pytest.raises(TimeoutError):
            connection.send(data, time.monotonic() + 0.1)  # nobody reads

    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as pool:
        connection = UpstreamConnection(ours, 0.0)
        connection.wait_at_most(0.05)
        sending = pool.submit(connection.send, data, time.monotonic() + PATIENCE_S)
        threading.Event().wait(0.2)  # so long nobody reads: it goes on after each time-out
        read = b""
        while len(read) < len(data):
            read += theirs.recv(65536)
        sending.result()
    assert read == data


def test_a_connection_that_is_lost_in_an_answer_is_broken_and_not_silent() -> None:
    with Lost(works, ANSWER[:-1]) as new:
        result = exchange(new)
        assert result.wait_for_head()
        assert result.read() == b"n"
        with pytest.raises(ConnectionResetError, match="Connection timed out"):
            result.read()
        result.close()


def test_an_interrupted_request_is_not_sent_again() -> None:
    interrupt = Interrupt()

    def interrupted() -> None:
        interrupt()
        raise BrokenPipeError

    with Socket(interrupted) as idle, Socket(works, ANSWER) as new:
        result = exchange(new, idle, interrupt)
        with pytest.raises(ConnectionAbortedError):
            result.wait_for_head()
        result.close()


def test_what_was_sent_is_let_go_once_the_answer_has_begun() -> None:
    dialer, length = Redial(Socket(works, ANSWER)), 4 * 1024 * 1024
    adapter = WireAdapter(dialer)
    prepared = requests.Request("POST", "http://acme.test/").prepare()
    tracemalloc.start()
    try:
        timeouts = Timeouts(60, 60, time.monotonic() + 60)
        request = WireRequest(adapter.template(prepared), bytes(length), timeouts)
        response = adapter.send(request, stream=True)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status_code, response.content) == (413, b"no")
    assert taken < length / 2


def test_nothing_can_be_read_once_it_is_closed() -> None:
    with Socket(works, ANSWER[:-2]) as new:
        result = exchange(new)
        result.wait_for_head()
        result.close()
        with pytest.raises(IncompleteResponse):
            result.read()


class Instant(Resolver):
    """A resolver that knows the answer."""

    def resolve(self, *_: Any) -> list[Address]:
        return [(socket.AF_INET, ("127.0.0.1", 1))]


def test_no_connection_is_made_when_the_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        Dialer(resolver=Instant()).dial(ORIGIN, -1.0, Interrupt())


def test_a_process_without_threads_resolves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(OSError, match="no thread left"):
        Resolver().resolve("acme.test", 80, 1.0, Interrupt())


def test_one_lookup_serves_all_who_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    lookups: list[int] = []

    def look_up(*_: Any, **__: Any) -> list[Any]:
        lookups.append(1)
        may_end.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolver = Resolver()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            resolver.resolve("acme.test", 80, 0.0, Interrupt())
    may_end.set()
    assert len(lookups) == 1
