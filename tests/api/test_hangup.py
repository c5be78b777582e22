"""Callers that hang up are noticed, whoever serves them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from app.api.hangup import HangUps
from tests.processes import PATIENCE_S


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_caller_that_goes_is_noticed(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    noticed = threading.Event()
    HangUps().watch({"gunicorn.socket": ours}, noticed.set)
    theirs.close()
    assert noticed.wait(PATIENCE_S)


def test_a_caller_that_waits_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    hangups, gone = HangUps(), list[bool]()
    hangups.watch({"gunicorn.socket": pair[0]}, lambda: gone.append(True))
    hangups.sweep()
    assert gone == []


def test_a_caller_that_pipelines_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    hangups, gone = HangUps(), list[bool]()
    hangups.watch({"gunicorn.socket": ours}, lambda: gone.append(True))
    theirs.sendall(b"GET / HTTP/1.1\r\n")
    hangups.sweep()
    assert gone == []
    assert ours.recv(3) == b"GET"


def test_a_watch_that_has_ended_calls_nobody(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    hangups, gone = HangUps(), list[bool]()
    hangups.forget(hangups.watch({"gunicorn.socket": ours}, lambda: gone.append(True)))
    theirs.close()
    hangups.sweep()
    assert gone == []


def test_a_caller_that_goes_is_told_of_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    hangups, gone = HangUps(), list[bool]()
    hangups._watched[object()] = (ours, lambda: gone.append(True))
    theirs.close()
    hangups.sweep()
    hangups.sweep()
    assert gone == [True]


def test_a_socket_that_was_closed_under_us_counts_as_gone(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    hangups, gone = HangUps(), list[bool]()
    hangups._watched[object()] = (pair[0], lambda: gone.append(True))
    pair[0].close()
    hangups.sweep()
    assert gone == [True]


def test_a_server_that_tells_no_socket_is_served_without_a_watch() -> None:
    hangups = HangUps()
    hangups.forget(hangups.watch({}, lambda: None))
