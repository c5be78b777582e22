"""The counters count each thing once, and only what is done inside of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import redis

from tests.budget.traffic import Traffic
from tests.budget.work import Calls, Instructions

_CODE = """
def call(): return None
def call_thrice(): call(); call()
def loop(times):
    for _ in range(times): pass
def numbers():
    yield 1
    yield 2
"""


def _module(name: str) -> Any:
    module = ModuleType(name)
    exec(compile(_CODE, name, "exec"), module.__dict__)  # noqa: S102 - it is written above
    return module


@pytest.fixture(params=[("app.some.room", "app"), ("flask.app", "library")])
def code(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """Code of the gateway's, then of a library's; and whose it is."""
    name, area = request.param
    return _module(name), area


def test_every_call_is_counted_for_whose_code_it_is(code: tuple[Any, str]) -> None:
    module, area = code
    calls = Calls()
    with calls:
        module.call_thrice()
    module.call_thrice()
    assert calls.counts == {"app": 0, "library": 0} | {area: 3}


def test_a_generator_is_called_whenever_it_goes_on() -> None:
    module, calls = _module("app.room"), Calls()
    with calls:
        list(module.numbers())
    assert calls.counts["app"] == 3


def test_a_loop_shows_in_the_instructions(code: tuple[Any, str]) -> None:
    module, area = code
    few, many = Instructions(), Instructions()
    with few:
        module.loop(1)
    with many:
        module.loop(101)
    assert many.counts[area] - few.counts[area] >= 200
    assert sum(many.counts.values()) == many.counts[area]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that is connected."""
    with redis.Redis.from_url(redis_url) as client:
        client.ping()
        yield client


def test_commands_that_are_sent_together_are_one_round_trip(client: redis.Redis) -> None:
    traffic = Traffic()
    with traffic, client.pipeline(transaction=False) as pipeline:
        pipeline.ping()
        pipeline.echo("what")
        pipeline.execute()
    client.ping()
    line = traffic.redis
    assert (line.round_trips, line.commands(), line.connections) == (1, 2, 0)
    assert bytes(line.sent).startswith(b"*1\r\n$4\r\nPING\r\n*2\r\n")


def test_a_new_connection_is_counted(redis_url: str) -> None:
    traffic = Traffic()
    with redis.Redis.from_url(redis_url) as client, traffic:
        client.ping()
    assert traffic.redis.connections == 1


def test_a_short_write_counts_what_was_sent() -> None:
    traffic = Traffic()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        connection.setblocking(False)
        with traffic:
            sent = connection.send(bytes(100_000_000))
    assert sent < 100_000_000
    assert len(traffic.upstream.sent) == sent
