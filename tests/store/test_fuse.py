"""A fuse blows when a server does not answer, and mends when it does."""

from __future__ import annotations

import pytest
from redis.exceptions import TimeoutError as TimedOut

from app.store.connection.breaker import REST_S, Fuse
from tests.store.turns import Clock

ONE, OTHER = object(), object()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fuse(clock: Clock) -> Fuse:
    return Fuse(clock)


def refuses(fuse: Fuse, who: object) -> bool:
    try:
        fuse.check(who)
    except TimedOut:
        return True
    return False


def test_a_whole_fuse_lets_all_through(fuse: Fuse) -> None:
    assert not refuses(fuse, ONE)


def test_a_blown_fuse_refuses(fuse: Fuse) -> None:
    fuse.blow()
    assert refuses(fuse, ONE)


def test_after_a_rest_one_may_try_and_the_others_not(fuse: Fuse, clock: Clock) -> None:
    fuse.blow()
    clock.at += REST_S
    assert [refuses(fuse, who) for who in (ONE, OTHER, ONE)] == [False, True, False]


def test_another_may_try_after_another_rest(fuse: Fuse, clock: Clock) -> None:
    fuse.blow()
    clock.at += REST_S
    fuse.check(ONE)
    clock.at += REST_S
    assert not refuses(fuse, OTHER)


def test_one_that_tried_in_vain_rests_like_the_others(fuse: Fuse, clock: Clock) -> None:
    fuse.blow()
    clock.at += REST_S
    fuse.check(ONE)
    fuse.blow()
    assert refuses(fuse, ONE)


def test_an_answer_mends_the_fuse(fuse: Fuse) -> None:
    fuse.blow()
    fuse.mend()
    assert not refuses(fuse, ONE)
