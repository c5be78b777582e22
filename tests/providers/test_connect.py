"""Which of a server's addresses is connected to, and what a connection that is lost costs."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from app.descriptors import is_shortage
from app.errors import UpstreamTimeout
from app.providers.wire import connect as connecting
from app.providers.wire.connect import Address, connect
from app.providers.wire.interrupt import Interrupt
from tests.processes import free_port, until
from tests.providers.calling import endpoint, whole
from tests.providers.raw_server import CERTIFICATE, RawServer, Wire, deaf_address

V4, V6 = socket.AF_INET, socket.AF_INET6
#: Far longer than anything here takes.
LONG_S = 30.0


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What closes what was opened."""
    with ExitStack() as stack:
        yield stack


def listening(stack: ExitStack) -> Address:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return V4, listener.getsockname()


def deaf(stack: ExitStack) -> Address:
    return V4, deaf_address(stack)


def refusing() -> Address:
    return V4, ("127.0.0.1", free_port())


def reached(*addresses: Address, within_s: float = LONG_S) -> tuple[str, int]:
    """Return the address that was connected to."""
    sock = connect(addresses, time.monotonic() + within_s, Interrupt())
    with sock:
        assert sock.gettimeout()
        peer: tuple[str, int] = sock.getpeername()
    return peer


def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(stack: ExitStack) -> None:
    good = listening(stack)
    began = time.monotonic()
    assert reached(deaf(stack), deaf(stack), good) == good[1]
    assert 0.45 < time.monotonic() - began < LONG_S / 3


def test_an_address_that_refuses_costs_nothing(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "HEAD_START_S", LONG_S)
    good = listening(stack)
    assert reached(refusing(), (V6, ("::1", free_port())), good) == good[1]


def test_an_address_that_answers_late_is_not_given_up(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "HEAD_START_S", 0.0)
    good = listening(stack)
    assert reached(good, deaf(stack)) == good[1]


def test_families_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def refuse(_: socket.socket, address: object) -> int:
        tried.append(address)
        return errno.ENETUNREACH

    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    with pytest.raises(OSError, match="unreachable"):
        reached((V6, "6a"), (V6, "6b"), (V6, "6c"), (V4, "4a"), (V4, "4b"))
    assert tried == ["6a", "4a", "6b", "4b", "6c"]


def test_the_fault_is_the_last_ones(stack: ExitStack) -> None:
    with pytest.raises(ConnectionRefusedError):
        reached(refusing(), refusing())
    with pytest.raises(TimeoutError):
        reached(refusing(), deaf(stack), refusing(), within_s=0.1)
    with pytest.raises(OSError, match="no address"):
        reached()


def answer_by_tls(wire: Wire) -> None:
    wire.serve_tls()
    wire.answer(wire.hear().body)


def test_a_handshake_that_stalls_is_left_for_another_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer(Wire.wait_for_hang_up) as stalls, RawServer(answer_by_tls) as answers:
        ports = [stalls.port, answers.port]
        resolve_others = socket.getaddrinfo

        def resolve(host: Any, port: Any, *args: Any, **options: Any) -> list[tuple[Any, ...]]:
            if port != answers.port:  # of a thread that another test has left
                return resolve_others(host, port, *args, **options)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports
            ]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        to = endpoint(answers.tls_url, ca_file=CERTIFICATE, connect_timeout_s=2.0)
        assert whole(to, b"here") == b"here"
        ports.pop()
        with pytest.raises(UpstreamTimeout):
            whole(endpoint(answers.tls_url, connect_timeout_s=0.2))
        until(lambda: stalls.served > 1, "a connection for each request")
        assert (stalls.served, answers.served) == (2, 1)


def test_nothing_is_left_open(stack: ExitStack) -> None:
    silent, good = [deaf(stack), deaf(stack)], listening(stack)
    before = psutil.Process().num_fds()
    with pytest.raises(TimeoutError):
        reached(*silent, within_s=0.4)
    reached(*silent, good)
    assert psutil.Process().num_fds() == before


def test_who_waits_for_several_is_interrupted(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "HEAD_START_S", 0.01)
    interrupt, faults = Interrupt(), list[BaseException]()

    def attempt() -> None:
        try:
            connect([deaf(stack), deaf(stack)], time.monotonic() + LONG_S, interrupt)
        except OSError as error:
            faults.append(error)

    waiting = threading.Thread(target=attempt)
    waiting.start()
    threading.Event().wait(0.1)
    interrupt()
    waiting.join(LONG_S / 3)
    assert not waiting.is_alive()
    assert not isinstance(faults[0], TimeoutError)


def test_one_that_was_interrupted_before_does_not_connect(stack: ExitStack) -> None:
    interrupt = Interrupt()
    interrupt()
    with pytest.raises(ConnectionAbortedError):
        connect([deaf(stack)], time.monotonic() + LONG_S, interrupt)


def test_the_last_descriptors_are_no_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "outgoing_limit", lambda: 0)
    with pytest.raises(OSError, match="kept for callers") as raised:
        reached(refusing())
    assert is_shortage(raised.value)


def test_who_has_the_last_descriptor_is_not_disturbed_by_that(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, room = listening(stack), iter([True])
    monkeypatch.setattr(connecting, "has_room", lambda _: next(room, False))
    monkeypatch.setattr(connecting._Attempts, "wait", _second(connecting._Attempts.wait))
    assert reached(good) == good[1]


def _second(wait: Any) -> Any:
    """Return a `wait` whose first call finds that none has answered yet."""
    calls = iter([True])
    return lambda *arguments: None if next(calls, False) else wait(*arguments)


def test_a_connection_is_given_up_if_nobody_confirms_that_it_is_there(stack: ExitStack) -> None:
    with connect([listening(stack)], time.monotonic() + LONG_S, Interrupt()) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        values = [
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
        assert values == [30, 10, 3]


def test_a_server_that_does_not_read_is_not_lost(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "UNCONFIRMED_S", 0.05)
    with connect([listening(stack)], time.monotonic() + LONG_S, Interrupt()) as sock:
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.sendall(bytes(64 * 1024 * 1024))  # more than the system takes
        assert not connecting.is_lost(sock, LONG_S)


@pytest.mark.parametrize(
    ("unconfirmed", "since_ms", "waits_s", "is_lost"),
    [
        (1, 31_000, 31.0, True),
        (0, 31_000, 31.0, False),
        (1, 9, 31.0, False),
        (1, 60_000, 15.0, False),
    ],
)
def test_a_connection_is_lost_whose_other_end_confirms_nothing(
    unconfirmed: int, since_ms: int, waits_s: float, is_lost: bool
) -> None:
    class Watched(socket.socket):
        def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]
            return connecting._TCP_INFO.pack(unconfirmed, since_ms)

    with Watched() as sock:
        assert connecting.is_lost(sock, waits_s) == is_lost


def test_a_socket_of_another_kind_is_not_lost() -> None:
    for sock in socket.socketpair():
        with sock:
            assert not connecting.is_lost(sock, LONG_S)
