"""A breaker opens when a server does not answer in time, and closes when it does."""

from __future__ import annotations

import pytest
from redis.exceptions import TimeoutError as TimedOut

from app.settings import RedisSettings
from app.store.connection.breaker import REST_S, ServerBreaker
from app.store.connection.client import connect
from app.store.connection.round_trip import round_trip
from tests.store.turns import Clock

ONE, OTHER = object(), object()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> ServerBreaker:
    return ServerBreaker(clock)


def refuses(breaker: ServerBreaker, who: object) -> bool:
    try:
        breaker.check(who)
    except TimedOut:
        return True
    return False


def test_a_closed_breaker_lets_all_through(breaker: ServerBreaker) -> None:
    assert not refuses(breaker, ONE)


def test_an_open_breaker_refuses(breaker: ServerBreaker) -> None:
    breaker.open()
    assert refuses(breaker, ONE)


def test_after_a_rest_one_may_try_and_the_others_not(breaker: ServerBreaker, clock: Clock) -> None:
    breaker.open()
    clock.at += REST_S
    assert [refuses(breaker, who) for who in (ONE, OTHER, ONE)] == [False, True, False]


def test_another_may_try_after_another_rest(breaker: ServerBreaker, clock: Clock) -> None:
    breaker.open()
    clock.at += REST_S
    breaker.check(ONE)
    clock.at += REST_S
    assert not refuses(breaker, OTHER)


def test_one_that_tried_in_vain_rests_like_the_others(breaker: ServerBreaker, clock: Clock) -> None:
    breaker.open()
    clock.at += REST_S
    breaker.check(ONE)
    breaker.open()
    assert refuses(breaker, ONE)


def test_an_answer_closes_the_breaker(breaker: ServerBreaker) -> None:
    breaker.open()
    breaker.close()
    assert not refuses(breaker, ONE)


def test_a_listener_that_hears_nothing_for_a_while_opens_no_breaker(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        connection = client.connection_pool.get_connection()
        with pytest.raises(TimedOut):
            connection.read_response(timeout=0.001, disconnect_on_error=False)
        client.connection_pool.release(connection)
        assert round_trip(client, [("PING",)]) == [b"PONG"]
