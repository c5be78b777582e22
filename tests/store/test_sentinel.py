"""Connections that lead to a master and to nobody else, and what is known of who that is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as TimedOut

from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.round_trip import round_trip
from app.store.connection.sentinel_watch import Address, MasterWatch, _listen_for_ever
from tests.processes import free_port, started, until
from tests.redis_server import binary

ONE, OTHER = ("127.0.0.1", 1), ("127.0.0.1", 2)
NOBODY = ("127.0.0.1", 9)
PROMOTES = ["slave", "127.0.0.1:2", "127.0.0.1", "2", "@", "main", "127.0.0.1", "1"]


class Named(MasterWatch):
    """Knows what it is told, and nobody contradicts."""

    def __init__(self, address: Address, patience_s: float = 20.0) -> None:
        super().__init__("main", [], patience_s)
        self._pid = os.getpid()  # it listens to nobody
        self._listening.add(0)
        self._learn(address, 1)

    def ask(self, sentinel: Any) -> None:
        """Nobody is there."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a Redis that a test may make a replica."""
    port = free_port()
    argv: list[str | Path] = [
        binary(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--logfile",
        "/dev/null",
    ]
    with started(argv), redis.Redis(port=port) as client:
        until(lambda: _answers(client), "Redis to answer")
        yield port


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def demote(port: int) -> None:
    """Make a server the replica of nobody in particular; connections stay."""
    with redis.Redis(port=port) as client:
        client.execute_command("REPLICAOF", *NOBODY)


@pytest.fixture
def client(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client that goes by Sentinels, which name the one Redis."""
    monkeypatch.setattr(
        "app.store.connection.client.MasterWatch", lambda *_: Named(("127.0.0.1", port))
    )
    with connect(RedisSettings(url="redis+sentinel://127.0.0.1:1/main")) as client:
        yield client


def test_a_server_that_is_no_master_gets_no_command(client: Any, port: int) -> None:
    demote(port)
    with pytest.raises(ConnectionLost, match="no master"):
        round_trip(client, [("GET", "a")])


@pytest.mark.parametrize("command", [("SET", "a", 1), ("EVAL", "redis.call('SET', 'a', 1)", 0)])
def test_a_master_that_is_a_replica_now_is_left(client: Any, port: int, command: Any) -> None:
    assert round_trip(client, [("SET", "a", 0)]) == [b"OK"]
    demote(port)
    with pytest.raises(ConnectionLost, match="no master"):
        round_trip(client, [command])


def test_a_single_server_that_refuses_writes_is_connected_to_anew(port: int) -> None:
    with connect(RedisSettings(url=f"redis://127.0.0.1:{port}")) as client:
        (before,) = round_trip(client, [("CLIENT", "ID")])
        demote(port)
        (refusal,) = round_trip(client, [("SET", "a", 1)])
        assert isinstance(refusal, ReadOnlyError)
        assert round_trip(client, [("CLIENT", "ID")]) != [before]


def test_a_reply_that_comes_after_the_master_changed_counts_for_nothing(
    client: Any, port: int
) -> None:
    watch = client.connection_pool.connection_kwargs["watch"]
    assert round_trip(client, [("SET", "a", 0)]) == [b"OK"]
    with ThreadPoolExecutor(1) as other, redis.Redis(port=port) as aside:
        reply = other.submit(round_trip, client, [("BLPOP", "list", 20)])
        until(lambda: "blpop" in str(aside.client_list()), "the command to be waited for")
        watch._learn(("127.0.0.1", free_port()), 2)
        with pytest.raises(ConnectionLost):
            reply.result()


def test_a_connection_of_before_is_not_used(client: Any, port: int) -> None:
    (before,) = round_trip(client, [("CLIENT", "ID")])
    client.connection_pool.connection_kwargs["watch"].receive(None, *began())
    client.connection_pool.connection_kwargs["watch"].receive(None, *aborted())
    assert round_trip(client, [("CLIENT", "ID")]) != [before]


def began(service: str = "main") -> tuple[str, list[str]]:
    words = [service if word == "main" else word for word in PROMOTES]
    return "+failover-state-send-slaveof-noone", words


def aborted() -> tuple[str, list[str]]:
    return "-failover-abort-slave-timeout", ["master", "main", "127.0.0.1", "1"]


def switched() -> tuple[str, list[str]]:
    return "+switch-master", ["main", "127.0.0.1", "1", "127.0.0.1", "2"]


def test_while_a_replica_is_promoted_nobody_is_master() -> None:
    watch = Named(ONE, patience_s=0.01)
    watch.receive(None, *began())
    with pytest.raises(TimedOut):
        watch.master()


def test_another_services_fail_over_is_none_of_ours() -> None:
    watch = Named(ONE)
    watch.receive(None, *began("other"))
    assert watch.master() == (ONE, 0)


def test_who_waits_for_the_end_of_a_fail_over_gets_the_new_master() -> None:
    watch = Named(ONE)
    watch.receive(None, *began())
    with ThreadPoolExecutor(1) as other:
        named = other.submit(watch.master)
        watch.receive(None, *switched())
        assert named.result()[0] == OTHER


def test_a_fail_over_that_is_given_up_leaves_the_master() -> None:
    watch = Named(ONE)
    watch.receive(None, *began())
    watch.receive(None, *aborted())
    assert watch.master()[0] == ONE


def test_a_fail_over_whose_end_nobody_tells_is_over_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.store.connection.sentinel_watch.FAILOVER_S", 0.0)
    watch = Named(ONE)
    watch.receive(None, *began())
    assert watch.master()[0] == ONE


def test_a_sentinel_that_missed_an_election_is_not_believed() -> None:
    watch = Named(ONE)
    watch._learn(OTHER, 2)
    watch._learn(ONE, 1)
    assert watch.master()[0] == OTHER


def test_a_service_that_is_monitored_anew_by_hand_is_believed() -> None:
    watch = Named(ONE)
    watch.receive(None, "+monitor", ["master", "main", "127.0.0.1", "2", "quorum", "1"])
    watch._learn(OTHER, 0)
    assert watch.master()[0] == OTHER


@pytest.mark.parametrize(
    ("flags", "waits"), [(b"master", False), (b"master,failover_in_progress", True)]
)
def test_who_comes_in_the_middle_of_a_fail_over_waits_for_its_end(
    monkeypatch: pytest.MonkeyPatch, flags: bytes, waits: bool
) -> None:
    state = [b"ip", b"127.0.0.1", b"port", b"1", b"flags", flags, b"config-epoch", b"1"]
    replies = [state, [b"127.0.0.1", b"1"]]
    monkeypatch.setattr("app.store.connection.sentinel_watch.round_trip", lambda *_: replies)
    watch = Named(ONE, patience_s=0.01)
    MasterWatch.ask(watch, None)
    with pytest.raises(TimedOut) if waits else nullcontext():
        watch.master()


def test_a_sentinel_that_has_closed_a_connection_is_listened_to_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = listening(monkeypatch, ears=(True, False))
    assert steps == ["listen", "listen", "pause", "listen"]


def test_one_that_closes_every_connection_is_tried_again_and_again_with_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = listening(monkeypatch, ears=(True, True, True))
    assert steps == ["listen", "listen", "pause", "listen", "pause", "listen"]


def listening(monkeypatch: pytest.MonkeyPatch, ears: tuple[bool, ...]) -> list[str]:
    """Return what is done where a Sentinel can be listened to so often, and is lost each time."""
    watch, steps, left = Named(ONE), list[str](), list(ears)
    watch._listening.clear()

    def listen(*_: Any) -> None:
        steps.append("listen")
        if left and left[0]:
            watch._listening.add(0)
        raise ConnectionLost

    def watched() -> MasterWatch | None:
        if not left:
            return None
        del left[0]
        return watch

    where = "app.store.connection.sentinel_watch"
    monkeypatch.setattr(f"{where}._listen", listen)
    monkeypatch.setattr(f"{where}.sleep", lambda _s: steps.append("pause"))
    monkeypatch.setattr(f"{where}.monotonic", lambda: 1000.0)
    _listen_for_ever(watched, 0)  # type: ignore[arg-type]  # a weak reference's call
    return steps


def test_what_changed_while_no_sentinel_was_listened_to_is_learnt_with_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, cut = MasterWatch("main", [None], 1.0), []
    watch._pid, watch.changed = os.getpid(), lambda: cut.append(watch.generation)
    monkeypatch.setattr("app.store.connection.sentinel_watch.round_trip", lambda *_: named(1, 7))
    watch.subscribed(0, None)
    assert watch.lost(0)
    # It was started anew, and counts from the beginning.
    monkeypatch.setattr("app.store.connection.sentinel_watch.round_trip", lambda *_: named(2, 0))
    watch.subscribed(0, None)
    assert (watch.master(), cut) == ((OTHER, 1), [1])


def named(port: int, epoch: int) -> list[list[bytes]]:
    """Return what a Sentinel replies that calls a server master, as of an election."""
    address = [b"127.0.0.1", b"%d" % port]
    fields = [b"ip", address[0], b"port", address[1], b"flags", b"master"]
    return [[*fields, b"config-epoch", b"%d" % epoch], address]
