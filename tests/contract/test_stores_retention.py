"""What has expired is as good as purged, in every store, whether or not a sweep has come (C5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from tests.contract.conftest import prefixes
from tests.memory_stores.responses import MemoryStore
from tests.store.ageing import LONG_AGO, continued_for, expire, expire_in_memory, kept_for
from tests.store.turns import ACCOUNT, continued, left_by, saved

PAGE = PageQuery("asc", 100)


@dataclass(frozen=True, slots=True)
class Ageing:
    """A store, and what has a turn in it expire."""

    store: ResponseStore
    expire: Callable[[Turn], None]


@pytest.fixture(params=["memory", "redis", "cluster"])
def ageing(request: pytest.FixtureRequest) -> Iterator[Ageing]:
    if request.param == "memory":
        memory = MemoryStore()
        yield Ageing(memory, lambda kept: expire_in_memory(memory, kept))
        return
    fixture, prefix = "redis_url" if request.param == "redis" else "cluster_url", next(prefixes)
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield Ageing(
            RedisStore(client, prefix),
            lambda kept: expire(client, kept.response.id, prefix=prefix),
        )


def tree(store: ResponseStore) -> dict[str, Turn]:
    """Return a conversation that forks: a-b-c, and b-d-e."""
    a = kept_for(1, "a")
    store.save(a)
    b = continued_for(store, a, "b")
    c, d = continued_for(store, b, "c"), continued_for(store, b, "d")
    return {"a": a, "b": b, "c": c, "d": d, "e": continued_for(store, d, "e")}


def test_a_response_is_there_until_its_time_has_come(ageing: Ageing) -> None:
    kept = kept_for(365)
    ageing.store.save(kept)
    assert ageing.store.get(ACCOUNT, kept.response.id) == kept
    assert kept.expires_at == kept.response.created_at + 365 * 86_400


@pytest.mark.parametrize(
    "read",
    [
        lambda store, kept: store.get(ACCOUNT, kept.response.id),
        lambda store, kept: store.stream_cuts(ACCOUNT, kept.response.id),
        lambda store, kept: store.context(ACCOUNT, kept.response.id),
        lambda store, kept: store.input_items(ACCOUNT, kept.response.id, PAGE),
        lambda store, kept: store.delete(ACCOUNT, kept.response.id),
    ],
    ids=["get", "cuts", "context", "input_items", "delete"],
)
def test_an_expired_response_is_unknown(
    ageing: Ageing, read: Callable[[ResponseStore, Turn], object]
) -> None:
    kept = kept_for(1)
    ageing.store.save(kept)
    ageing.expire(kept)
    with pytest.raises(NotFound, match=kept.response.id):
        read(ageing.store, kept)


def test_an_item_of_an_expired_response_cannot_be_referenced(ageing: Ageing) -> None:
    kept = kept_for(1)
    ageing.store.save(kept)
    item_id = kept.input[0].id
    assert ageing.store.items(ACCOUNT, [item_id]) == {item_id: kept.input[0]}
    ageing.expire(kept)
    assert ageing.store.items(ACCOUNT, [item_id]) == {}


def test_one_that_is_stored_after_its_time_is_never_seen(ageing: Ageing) -> None:
    late = kept_for(1, created_at=LONG_AGO)
    assert ageing.store.save(late)
    with pytest.raises(NotFound):
        ageing.store.get(ACCOUNT, late.response.id)


@pytest.mark.parametrize(
    ("expired", "of_c", "of_e"),
    [("b", "ac", "ade"), ("ab", "c", "de"), ("d", "abc", "abe"), ("abd", "c", "e")],
)
def test_later_turns_lose_the_items_of_an_expired_one_and_no_others(
    ageing: Ageing, expired: str, of_c: str, of_e: str
) -> None:
    turns = tree(ageing.store)
    for name in expired:
        ageing.expire(turns[name])
    for last, left in (("c", of_c), ("e", of_e)):
        context = ageing.store.context(ACCOUNT, turns[last].response.id)
        assert context.items == left_by(*(turns[name] for name in left))
        chain = {"c": "abc", "e": "abde"}[last]
        assert context.purged == {number for number, name in enumerate(chain) if name in expired}
        shown = ageing.store.input_items(ACCOUNT, turns[last].response.id, PAGE).items
        assert shown == left_by(*(turns[name] for name in left[:-1])) + turns[last].input


def test_a_long_chain_loses_an_expired_turn_in_its_middle(ageing: Ageing) -> None:
    store = ageing.store
    turns = [saved(store, "0")]
    for number in range(1, 40):
        with_days = number in (7, 8)
        make = continued_for if with_days else continued
        turns.append(make(store, turns[-1], str(number)))
    for number in (7, 8):
        ageing.expire(turns[number])
    found = store.context(ACCOUNT, turns[-1].response.id)
    assert found.items == left_by(*turns[:7], *turns[9:])
    assert found.purged == {7, 8}


def test_saving_an_expired_response_again_brings_it_back_to_nobody(ageing: Ageing) -> None:
    kept = kept_for(1, created_at=LONG_AGO)
    ageing.store.save(kept)
    ageing.store.save(kept)
    with pytest.raises(NotFound):
        ageing.store.get(ACCOUNT, kept.response.id)
