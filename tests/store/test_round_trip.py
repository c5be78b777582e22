"""Round trips on connections of our own pool."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Full
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from hiredis import pack_command
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

from app.descriptors import pool_limit
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.pool import PoolQueue
from app.store.connection.round_trip import LONG, _in_pieces, _packed, round_trip
from app.store.connection.script import Script, run_all, run_in_order
from tests.counting import counted
from tests.processes import PATIENCE_S, until

PREFIX = "trip:"


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    client = connect(RedisSettings(url=redis_url, prefix=PREFIX, pool_size=1))
    assert isinstance(client, Redis)
    with client:
        yield client


def test_commands_are_answered_in_their_order(client: Redis) -> None:
    commands = [("SET", "trip:a", 1), ("GET", "trip:a"), ("STRLEN", "trip:a")]
    assert round_trip(client, commands) == [b"OK", b"1", 1]


def test_any_number_of_commands_is_one_round_trip(client: Redis) -> None:
    client.ping()
    with counted() as traffic:
        round_trip(client, [("PING",)] * 20)
    assert traffic.round_trips == 1


def test_a_long_value_arrives_as_it_is(client: Redis) -> None:
    value = bytes(range(256)) * 2048
    commands = [("SET", "trip:long", value, "PX", 60_000), ("GET", "trip:long"), ("PING",)]
    assert round_trip(client, commands) == [b"OK", value, b"PONG"]


@pytest.mark.parametrize("command", [("PING",), ("SET", "é", 5, b"\x00", 1.5, "\r\n", -1)])
def test_a_command_in_pieces_is_the_command(command: tuple[Any, ...]) -> None:
    assert b"".join(_in_pieces(command)) == pack_command(command)


def test_a_long_value_is_not_copied() -> None:
    value = bytes(LONG + 1)
    commands: list[tuple[Any, ...]] = [("PING",), ("SET", "a", value)]
    packed = _packed(commands)
    assert any(piece is value for piece in packed)
    assert b"".join(packed) == b"".join(map(pack_command, commands))


def test_a_refused_command_spoils_no_other(client: Redis) -> None:
    first, second, third = round_trip(client, [("PING",), ("NONSENSE",), ("PING",)])
    assert (first, third) == (b"PONG", b"PONG")
    assert isinstance(second, ResponseError)


def test_a_connection_that_redis_closed_is_opened_again(client: Redis, redis_url: str) -> None:
    own_id = client.client_id()
    with Redis.from_url(redis_url) as other:
        other.client_kill_filter(_id=own_id)
    assert round_trip(client, [("PING",)]) == [b"PONG"]
    assert client.client_id() != own_id


def test_replies_that_were_not_awaited_are_nobodys(client: Redis) -> None:
    class Stop(BaseException):
        pass

    connection = client.connection_pool.get_connection()
    client.connection_pool.release(connection)
    with mock.patch.object(connection, "read_response", side_effect=Stop), pytest.raises(Stop):
        round_trip(client, [("ECHO", "stale")])
    assert round_trip(client, [("PING",)]) == [b"PONG"]


def test_who_finds_no_connection_free_is_told_so(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.connection_pool, "timeout", 0.05)
    kept = client.connection_pool.get_connection()
    with pytest.raises(ConnectionLost, match="no connection came free"):
        round_trip(client, [("PING",)])
    client.connection_pool.release(kept)
    assert round_trip(client, [("PING",)]) == [b"PONG"]


def test_a_connection_of_another_process_is_not_used(client: Redis) -> None:
    pool = client.connection_pool
    inherited = pool.get_connection()
    inherited.pid = -1
    pool.release(inherited)
    assert pool.get_connection() is not inherited


def test_a_program_that_redis_does_not_know_is_told(client: Redis) -> None:
    client.script_flush()
    script = Script("return ARGV[1]")
    assert run_all(client, [script((), ("a",)), ("PING",), script((), ("b",))]) == [
        b"a",
        b"PONG",
        b"b",
    ]


def test_what_is_written_in_order_is_so_where_redis_knows_only_the_last_program(
    client: Redis,
) -> None:
    client.script_flush()
    first = Script("return redis.call('RPUSH', KEYS[1], 'first')")
    last = Script("return redis.call('LRANGE', KEYS[1], 0, -1)")
    key = f"in order {uuid4()}"
    last((key,), ()).run(client)
    assert run_in_order(client, [first((key,), ()), last((key,), ())]) == [1, [b"first"]]
    client.delete(key)


def test_who_waits_for_a_connection_gets_the_next_that_is_free() -> None:
    pool_queue = PoolQueue(1)
    with ThreadPoolExecutor(1) as other:
        got = other.submit(pool_queue.get, 10)
        until(lambda: pool_queue.waiting == 1, "somebody to wait")
        connection = SimpleNamespace(is_connected=True)
        pool_queue.put_nowait(connection)
        assert got.result() is connection


def test_a_pool_holds_no_more_connections_than_it_may() -> None:
    pool_queue = PoolQueue(1)
    pool_queue.put_nowait(None)
    with pytest.raises(Full):
        pool_queue.put_nowait(None)


def test_without_descriptors_callers_share_the_connections_that_are_open() -> None:
    pool_queue = PoolQueue(3)
    idle, busy = SimpleNamespace(is_connected=True), SimpleNamespace(is_connected=True)
    unopened = SimpleNamespace(is_connected=False)
    pool_queue.put_nowait(idle)
    assert pool_queue.exchange(unopened, 10) is idle
    with ThreadPoolExecutor(2) as others:
        got = others.submit(pool_queue.exchange, SimpleNamespace(is_connected=False), 10)
        until(lambda: pool_queue.waiting == 1, "somebody to wait")
        assert pool_queue.get(10) is unopened
        pool_queue.put_nowait(unopened)  # of no use to who waits
        pool_queue.put_nowait(busy)
        assert got.result() is busy


def test_more_callers_wait_for_an_open_connection_than_there_are() -> None:
    pool_queue, only = PoolQueue(4), SimpleNamespace(is_connected=True)
    pool_queue.put_nowait(None)
    with ThreadPoolExecutor(2) as others:
        unopened = [SimpleNamespace(is_connected=False) for _ in range(2)]
        got = [others.submit(pool_queue.exchange, each, PATIENCE_S) for each in unopened]
        until(lambda: pool_queue.waiting == 2, "both to wait")
        pool_queue.put_nowait(only)
        until(lambda: pool_queue.waiting == 1, "one to have it")
        pool_queue.put_nowait(only)
        assert [each.result() for each in got] == [only, only]


def test_who_waits_for_any_connection_gets_one_that_another_could_not_open() -> None:
    pool_queue, unopened = PoolQueue(1), SimpleNamespace(is_connected=False)
    with ThreadPoolExecutor(1) as other:
        got = other.submit(pool_queue.get, PATIENCE_S)
        until(lambda: pool_queue.waiting == 1, "somebody to wait")
        with pytest.raises(Empty):
            pool_queue.exchange(unopened, 0)
        assert got.result() is unopened


def test_nobody_waits_for_a_connection_where_none_is_open() -> None:
    pool_queue = PoolQueue(2)
    pool_queue.put_nowait(None)
    with pytest.raises(Empty):
        pool_queue.exchange(SimpleNamespace(is_connected=False), 3600)


@pytest.mark.parametrize("kind", ["redis_url", "cluster_url"])
def test_a_pool_without_descriptors_hands_out_a_connection_once_it_is_given_back(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue(kind)
    with connect(RedisSettings(url=url, prefix=PREFIX, pool_size=2)) as client:
        pool = pool_of(client)
        open_one = pool.get_connection()
        make = pool.make_connection

        def unopened() -> Any:
            connection = make()
            monkeypatch.setattr(connection, "connect", exhausted)
            return connection

        monkeypatch.setattr(pool, "make_connection", unopened)
        with ThreadPoolExecutor(1) as other:
            got = other.submit(pool.get_connection)
            until(lambda: pool.pool.waiting == 1, "somebody to wait")
            pool.release(open_one)
            assert got.result() is open_one
        open_one.disconnect()


def test_a_connection_that_a_node_closed_is_opened_again_and_no_node_is_looked_for(
    cluster_url: str,
) -> None:
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX)) as client:
        pool = pool_of(client)
        own = pool.get_connection()
        own.send_command("CLIENT", "ID")
        own_id = own.read_response()
        pool.release(own)
        other = pool.make_connection()
        other.send_command("CLIENT", "KILL", "ID", own_id)
        assert other.read_response() == 1
        other.disconnect()
        again = pool.get_connection()
        assert again is own
        again.send_command("PING")
        assert again.read_response() == b"PONG"
        pool.release(again)


def test_a_connection_that_was_just_taken_is_not_closed_when_nodes_are_looked_for(
    cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX)) as client:
        pool = pool_of(client)
        own = pool.get_connection()
        pool.release(own)
        listing = pool._get_free_connections

        def taken_after() -> set[Any]:
            found: set[Any] = listing()
            assert pool.get_connection() is own
            return found

        monkeypatch.setattr(pool, "_get_free_connections", taken_after)
        before = own._sock
        pool.disconnect_free_connections()
        assert own._sock is before
        pool.release(own)
        assert pool.get_connection() is own
        assert own.is_connected
        assert own._sock is not before
        pool.release(own)


def test_a_node_of_a_cluster_gets_its_part_of_the_descriptors(cluster_url: str) -> None:
    with connect(RedisSettings(url=cluster_url, prefix=PREFIX, pool_size=10_000_000)) as client:
        assert pool_of(client).max_connections == pool_limit() // 3


def pool_of(client: Any) -> Any:
    """Return the pool of a client, or of the first node that it knows in a Cluster."""
    if not isinstance(client, Redis):
        client = client.get_redis_connection(client.get_nodes()[0])
    return client.connection_pool


def exhausted() -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_fork_uses_no_connection_that_it_gives_back(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = client.connection_pool
    parents = pool.get_connection()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    pool.release(parents)
    own = pool.get_connection()
    assert own is not parents
    pool.release(own)
    assert round_trip(client, [("PING",)]) == [b"PONG"]
