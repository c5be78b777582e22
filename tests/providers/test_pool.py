"""How long idle connections are kept, and by whom they are used."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.descriptors import has_room, lowest_free
from app.providers.wire import pool
from app.providers.wire.pool import MAX_AGE_S, MAX_IDLE_S, UpstreamConnection, UpstreamPool
from tests.services.clocks import Clock

Make = Callable[[], UpstreamConnection]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes connections whose other end is open."""
    with ExitStack() as stack:

        def connection() -> UpstreamConnection:
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            stack.enter_context(ours)
            return UpstreamConnection(ours, 0.0)

        yield connection


def test_the_latest_connection_is_taken_first(make: Make) -> None:
    idle = UpstreamPool(Clock(0.0))
    kept = [make() for _ in range(2)]
    for connection in kept:
        idle.give(connection)
    assert idle.take() is kept[1]


@pytest.mark.parametrize("later_s", [MAX_IDLE_S + 1, MAX_AGE_S + 1])
def test_a_connection_is_kept_for_so_long(later_s: float, make: Make) -> None:
    clock = Clock(0.0)
    idle = UpstreamPool(clock)
    connection = make()
    idle.give(connection)
    clock.now = later_s
    assert idle.take() is None


def test_an_old_connection_is_not_used_however_busy_it_was(make: Make) -> None:
    clock = Clock(0.0)
    idle = UpstreamPool(clock)
    connection = make()
    clock.now = MAX_AGE_S + 1
    idle.give(connection)
    assert idle.take() is None


def test_the_server_says_how_long_it_keeps_a_connection(make: Make) -> None:
    clock = Clock(0.0)
    idle = UpstreamPool(clock)
    connection = make()
    connection.apply_keep_alive("max=100, timeout=5")
    idle.give(connection)
    clock.now = 4.5
    assert idle.take() is None


def test_only_so_many_idle_connections_are_kept(
    monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE", 2)
    idle = UpstreamPool(Clock(0.0))
    for _ in range(3):
        idle.give(make())
    assert len(idle) == 2


def test_idle_connections_give_way_where_descriptors_are_scarce(make: Make) -> None:
    idle = UpstreamPool(Clock(0.0))
    idle.give(make())
    free = lowest_free()
    assert free is not None
    assert has_room(free + 1)
    assert len(idle) == 1
    assert not has_room(0)
    assert len(idle) == 0


def test_what_was_left_idle_goes_when_another_comes_back(make: Make) -> None:
    clock = Clock(0.0)
    idle = UpstreamPool(clock)
    idle.give(make())
    clock.now = MAX_IDLE_S + 1
    idle.give(make())
    assert len(idle) == 1


def test_a_child_process_does_not_use_its_parents_connections(
    monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    idle = UpstreamPool(Clock(0.0))
    connection = make()
    idle.give(connection)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert idle.take() is None


def test_a_fork_takes_no_connection_that_it_gave_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = UpstreamPool(Clock(0.0))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    idle.give(make())
    assert idle.take() is None
