"""Sockets that wait together with others: in an event loop of this very process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from app.serving import sockets
from app.serving.sockets import LeanSocket
from tests.processes import PATIENCE_S

#: No limit, one that has a timer of its own, and one that is looked after with others.
LIMITS = pytest.mark.parametrize(
    ("timeout_s", "shortest_s"),
    [(None, sockets.SHORTEST_S), (60.0, 100.0), (60.0, sockets.SHORTEST_S)],
    ids=["none", "own", "shared"],
)


@pytest.fixture
def pair() -> Iterator[tuple[Any, socket.socket]]:
    """Return a lean socket, and an ordinary one at the other end."""
    ours, theirs = socket.socketpair()
    lean = LeanSocket(fileno=ours.detach())
    with theirs, lean:
        yield lean, theirs


def waited(call: Callable[[], object], meanwhile: Callable[[], object]) -> object:
    """Return what `call` returns, where it waits for what is done meanwhile."""
    greenlet = gevent.spawn(call)
    gevent.sleep(0)
    assert not greenlet.ready()
    meanwhile()
    return greenlet.get(timeout=PATIENCE_S)


@LIMITS
def test_a_read_waits_for_what_comes(
    pair: tuple[Any, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    timeout_s: float | None,
    shortest_s: float,
) -> None:
    monkeypatch.setattr(sockets, "SHORTEST_S", shortest_s)
    lean, theirs = pair
    lean.settimeout(timeout_s)
    for text in (b"one", b"two"):
        assert waited(lambda: lean.recv(100), lambda t=text: theirs.sendall(t)) == text  # type: ignore[misc] # a default


def test_what_is_there_is_read_in_as_many_pieces_as_asked_for(
    pair: tuple[Any, socket.socket],
) -> None:
    lean, theirs = pair
    theirs.sendall(b"hello, world")
    assert gevent.spawn(lambda: [lean.recv(5), lean.recv(100)]).get(timeout=PATIENCE_S) == [
        b"hello",
        b", world",
    ]


def test_a_buffer_is_read_into(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    room = bytearray(10)
    for text in (b"one", b"three"):
        count = waited(lambda: lean.recv_into(room), lambda t=text: theirs.sendall(t))  # type: ignore[misc] # a default
        assert count == len(text)
        assert room.startswith(text)


def test_the_end_is_read_as_nothing(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    assert waited(lambda: lean.recv(100), theirs.close) == b""


def test_a_peek_takes_nothing(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    theirs.sendall(b"hello")
    assert [lean.recv(100, socket.MSG_PEEK), lean.recv(100)] == [b"hello", b"hello"]


def test_nobody_waits_on_a_socket_that_is_not_to_block(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    theirs.sendall(b"hello")
    assert lean.recv(100) == b"hello"
    lean.settimeout(0.0)
    with pytest.raises(BlockingIOError):
        lean.recv(100)
    with pytest.raises(BlockingIOError):
        lean.recv_into(bytearray(1))
    with pytest.raises(BlockingIOError):
        lean.sendall(bytes(10_000_000))


@pytest.mark.parametrize("timeout_s", [0.01, 0.05])
def test_a_silence_that_is_too_long_is_a_time_out(
    pair: tuple[Any, socket.socket], monkeypatch: pytest.MonkeyPatch, timeout_s: float
) -> None:
    monkeypatch.setattr(sockets, "TICK_S", 0.02)  # so that one is waited for by itself
    monkeypatch.setattr(sockets.TimeoutWheel, "_by_hub", {})
    ours, theirs = socket.socketpair()
    with theirs, LeanSocket(fileno=ours.detach()) as lean:
        lean.settimeout(timeout_s)
        with pytest.raises(TimeoutError):
            gevent.spawn(lean.recv, 100).get(timeout=PATIENCE_S)
        theirs.sendall(b"late")
        assert lean.recv(100) == b"late"


def test_closing_a_socket_wakes_who_waits_on_it(pair: tuple[Any, socket.socket]) -> None:
    lean, _ = pair
    with pytest.raises(OSError, match=r"closed|EBADF|Bad file"):
        waited(lambda: lean.recv(100), lean.close)


def test_two_cannot_wait_for_the_same(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    first = gevent.spawn(lean.recv, 100)
    gevent.sleep(0)
    with pytest.raises(gevent.exceptions.ConcurrentObjectUseError):
        gevent.spawn(lean.recv, 100).get(timeout=PATIENCE_S)
    theirs.sendall(b"hello")
    assert first.get(timeout=PATIENCE_S) == b"hello"


def test_what_the_kernel_does_not_take_at_once_is_sent_when_it_does(
    pair: tuple[Any, socket.socket],
) -> None:
    lean, theirs = pair
    data = bytes(range(256)) * 20_000
    theirs.setblocking(False)
    sender = gevent.spawn(lean.sendall, data)
    read = b""
    while len(read) < len(data):
        gevent.sleep(0)
        try:
            read += theirs.recv(1_000_000)
        except BlockingIOError:
            assert not sender.ready()
    assert read == data
    sender.get(timeout=PATIENCE_S)


def test_sockets_are_not_replaced_where_gevent_has_not_replaced_them() -> None:
    with pytest.raises(RuntimeError, match="gevent"):
        sockets.install()


@LIMITS
def test_reads_go_on_for_as_long_as_more_is_wanted(
    pair: tuple[Any, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    timeout_s: float | None,
    shortest_s: float,
) -> None:
    monkeypatch.setattr(sockets, "SHORTEST_S", shortest_s)
    lean, theirs = pair
    lean.settimeout(timeout_s)
    taken: list[bytes] = []

    def take(data: bytes) -> bool:
        taken.append(data)
        return data != b"last"

    def say() -> None:
        for number, text in enumerate((b"one", b"two", b"last"), 1):
            theirs.sendall(text)
            while len(taken) < number:
                gevent.sleep(0)
        theirs.sendall(b"too much")

    waited(lambda: lean.recv_each(100, take), say)
    assert taken == [b"one", b"two", b"last"]
    assert lean.recv(100) == b"too much"


def test_the_end_is_for_the_taker_to_see(pair: tuple[Any, socket.socket]) -> None:
    lean, theirs = pair
    taken: list[bytes] = []

    def take(data: bytes) -> bool:
        taken.append(data)
        return bool(data)

    waited(lambda: lean.recv_each(100, take), theirs.close)
    assert taken == [b""]


def test_what_the_taker_objects_to_is_raised_where_it_is_waited_for(
    pair: tuple[Any, socket.socket],
) -> None:
    lean, theirs = pair

    def take(_data: bytes) -> bool:
        raise ValueError("nonsense")

    with pytest.raises(ValueError, match="nonsense"):
        waited(lambda: lean.recv_each(100, take), lambda: theirs.sendall(b"one"))


def test_a_silence_wakes_who_reads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "TICK_S", 0.02)
    monkeypatch.setattr(sockets.TimeoutWheel, "_by_hub", {})
    ours, theirs = socket.socketpair()
    with theirs, LeanSocket(fileno=ours.detach()) as lean:
        lean.settimeout(60.0)
        now = [0.0]
        monkeypatch.setattr(lean._timeouts, "now", lambda: now[0])
        taken: list[bytes] = []

        def take(data: bytes) -> bool:
            taken.append(data)
            return True

        def say() -> None:
            for number in range(1, 4):
                theirs.sendall(b"one")
                while len(taken) < number:
                    gevent.sleep(0)
            now[0] = 61.0

        with pytest.raises(TimeoutError):
            waited(lambda: lean.recv_each(3, take), say)
        assert taken == [b"one"] * 3


def test_closing_a_socket_wakes_who_reads_on(pair: tuple[Any, socket.socket]) -> None:
    lean, _ = pair
    with pytest.raises(OSError, match=r"closed|EBADF|Bad file"):
        waited(lambda: lean.recv_each(100, lambda _data: True), lean.close)
