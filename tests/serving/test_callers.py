"""A caller's connection: what is put back, and what is sent without waiting."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import gevent
import pytest

from app.serving.callers import CallerSocket
from tests.processes import PATIENCE_S


@pytest.fixture
def pair() -> Iterator[tuple[CallerSocket, socket.socket]]:
    """Return a caller's connection as the server has it, and the caller."""
    ours, theirs = socket.socketpair()
    caller = CallerSocket(fileno=ours.detach())
    with theirs, caller:
        yield caller, theirs


def read(theirs: socket.socket, count: int) -> bytes:
    """Return so many bytes, while others run."""
    theirs.setblocking(False)
    data = b""
    while len(data) < count:
        gevent.sleep(0)
        try:
            data += theirs.recv(1_000_000)
        except BlockingIOError:
            continue
    return data


def test_what_was_put_back_is_read_again(pair: tuple[CallerSocket, socket.socket]) -> None:
    caller, theirs = pair
    theirs.sendall(b"world")
    caller.put_back(b"hello, ")
    assert [caller.recv(5), caller.recv(100), caller.recv(100)] == [b"hello", b", ", b"world"]


def test_what_the_kernel_takes_is_sent_at_once(pair: tuple[CallerSocket, socket.socket]) -> None:
    caller, theirs = pair
    caller.send_soon(b"hello")
    assert caller.is_clear
    assert theirs.recv(100) == b"hello"


def test_what_it_does_not_take_is_sent_in_its_turn(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    much = bytes(range(256)) * 20_000
    caller.send_soon(much)
    assert not caller.is_clear
    more = gevent.spawn(caller.sendall, b"more")
    assert read(theirs, len(much) + 4) == much + b"more"
    more.get(timeout=PATIENCE_S)
    assert caller.is_clear


def test_a_caller_that_has_gone_is_noticed_when_more_is_sent(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    theirs.close()
    caller.send_soon(b"hello")
    assert not caller.is_clear
    with pytest.raises(OSError, match=r"pipe|reset"):
        gevent.spawn(caller.sendall, b"more").get(timeout=PATIENCE_S)


# time limits


def hasten(caller: CallerSocket, monkeypatch: pytest.MonkeyPatch) -> CallerSocket:
    """Have a caller's limits be over at once."""
    monkeypatch.setattr(CallerSocket, "head_s", 0.01)
    monkeypatch.setattr(CallerSocket, "body_silence_s", 0.01)
    caller.await_head(0.01)
    return caller


def test_a_head_that_does_not_begin_ends(
    pair: tuple[CallerSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hasten(pair[0], monkeypatch).recv(100) == b""


def test_a_head_that_comes_drop_by_drop_ends_all_the_same(
    pair: tuple[CallerSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = hasten(pair[0], monkeypatch)
    drops = 0
    pair[1].sendall(b"GET ")
    while caller.recv(1):
        pair[1].sendall(b".")  # there is always more, so that no read is late
        drops += 1
        assert drops < 1_000_000
    assert drops


def test_a_head_that_was_put_back_has_begun(
    pair: tuple[CallerSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = hasten(pair[0], monkeypatch)
    caller.await_head(None)
    caller.put_back(b"GET ")
    assert [caller.recv(100), caller.recv(100)] == [b"GET ", b""]


READS: dict[str, Callable[[CallerSocket], object]] = {
    "recv": lambda caller: caller.recv(100),
    "recv_into": lambda caller: caller.recv_into(memoryview(bytearray(100))),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_body_that_is_silent_is_given_up(
    pair: tuple[CallerSocket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[CallerSocket], object],
) -> None:
    caller = hasten(pair[0], monkeypatch)
    caller.await_body()
    with pytest.raises(TimeoutError):
        read(caller)
    assert caller.is_spent


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_who_sends_without_a_break_lets_others_run(
    pair: tuple[CallerSocket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[CallerSocket], object],
) -> None:
    monkeypatch.setattr("app.serving.callers.TURN_S", 0.0)
    caller, theirs = pair
    caller.await_body()
    theirs.sendall(bytes(300))
    read(caller)
    ran: list[str] = []
    gevent.spawn(ran.append, "another")
    read(caller)
    assert ran == ["another"]


def test_sending_has_no_limit_of_that_kind(
    pair: tuple[CallerSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = hasten(pair[0], monkeypatch)
    caller.await_body()
    with pytest.raises(TimeoutError):
        caller.recv(100)
    assert caller.timeout is None


def test_after_a_body_cut_short_nothing_can_follow(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    caller.await_body()
    theirs.close()
    assert caller.recv(100) == b""
    assert caller.is_spent


def test_a_caller_that_is_hung_up_on_reads_the_end(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, _ = pair
    reading = gevent.spawn(caller.recv, 100)
    gevent.sleep(0)
    caller.hang_up()
    assert reading.get(timeout=PATIENCE_S) == b""


def test_who_has_asked_but_was_not_heard_yet_has_spoken(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    assert not caller.has_sent()
    theirs.sendall(b"GET")
    assert caller.has_sent()
    assert caller.recv(3) == b"GET"
    theirs.close()
    assert not caller.has_sent()


# turned away


def test_who_is_turned_away_finds_that_out_whenever_he_asks(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    reading = gevent.spawn(caller.recv, 100)
    gevent.sleep(0)
    caller.turn_away(b"no room", PATIENCE_S)
    theirs.sendall(b"GET ")
    assert read(theirs, 7) == b"no room"
    theirs.close()
    assert reading.get(timeout=PATIENCE_S) == b""


def test_who_is_turned_away_does_not_stay_for_long(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, _ = pair
    reading = gevent.spawn(caller.recv, 100)
    gevent.sleep(0)
    caller.turn_away(b"no room", 0.01)
    assert reading.get(timeout=PATIENCE_S) == b""


def test_who_is_turned_away_cannot_stay_by_talking(
    pair: tuple[CallerSocket, socket.socket],
) -> None:
    caller, theirs = pair
    theirs.setblocking(False)
    caller.turn_away(b"no room", 0.01)
    with gevent.Timeout(PATIENCE_S):
        with contextlib.suppress(BlockingIOError):
            while theirs.send(bytes(1000)):
                continue
        assert caller.recv(1) == b""


# more requests than one


@pytest.mark.parametrize(
    ("sent", "taken", "unread"),
    [(b"next", 2, 0), (b"first, next", 100, 4)],
    ids=["in the kernel", "in this process"],
)
def test_others_run_before_a_request_that_has_come_already(
    pair: tuple[CallerSocket, socket.socket], sent: bytes, taken: int, unread: int
) -> None:
    caller, theirs = pair
    ran: list[str] = []
    theirs.sendall(sent)
    caller.recv(taken)
    gevent.spawn(ran.append, "another")
    caller.let_others_run(unread)
    assert ran == ["another"]


def test_who_has_sent_no_more_goes_on_at_once(pair: tuple[CallerSocket, socket.socket]) -> None:
    caller, theirs = pair
    ran: list[str] = []
    theirs.sendall(b"first")
    caller.recv(100)
    gevent.spawn(ran.append, "another")
    caller.let_others_run(0)
    assert ran == []


def test_what_was_put_back_is_another_request(pair: tuple[CallerSocket, socket.socket]) -> None:
    caller, theirs = pair
    ran: list[str] = []
    theirs.sendall(b"first, second")
    caller.put_back(caller.recv(100))
    caller.recv(5)
    gevent.spawn(ran.append, "another")
    caller.let_others_run(0)
    assert ran == ["another"]
