"""What a conversation in Redis costs: round trips and bytes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import orjson
import pytest
from redis import Redis
from redis.connection import BlockingConnectionPool, UnixDomainSocketConnection

from app.domain.ids import tag_of
from app.domain.request import CreateRequest, Parameters
from app.domain.turns.page import PageQuery
from app.errors import NotFound, StorageRefused
from app.schemas.wire.echo import echo
from app.schemas.wire.items import ITEM
from app.store.keys import Keys
from app.store.responses.chains import AT_ONCE, OWN, Chains
from app.store.responses.entries import Entries
from app.store.responses.redis import RedisStore
from tests.store.turns import ACCOUNT, AT, chain, continued, left_by, question, saved, turn

PROSE = (
    "Redis keeps what it is given in memory and, if it is told to, on disk as well. A list takes "
    "elements at both ends; reading one out of its middle is slower the longer the list is, which "
    "matters less than one would think, since long lists are cut into nodes that are skipped. "
)


class CountingConnection(UnixDomainSocketConnection):
    """A connection that counts how often something is sent, and then waited for."""

    sent = 0

    def send_packed_command(self, *args: object, **options: object) -> None:
        type(self).sent += 1
        super().send_packed_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py gives it no types


@contextmanager
def round_trips(at_most: int) -> Iterator[None]:
    """Fail where what happens inside takes more of them."""
    before = CountingConnection.sent
    yield
    taken = CountingConnection.sent - before
    assert taken == at_most, f"{taken} round trips in place of {at_most}"


@pytest.fixture(scope="module")
def own_redis(own_redis_url: str) -> str:
    """The socket of a Redis that may be emptied."""
    return own_redis_url.removeprefix("unix://")


@pytest.fixture
def redis(own_redis: str) -> Iterator[Redis]:
    """An empty Redis whose round trips are counted."""
    pool: Callable[..., BlockingConnectionPool] = BlockingConnectionPool
    with Redis(connection_pool=pool(connection_class=CountingConnection, path=own_redis)) as client:
        client.flushdb()
        yield client


@pytest.fixture
def store(redis: Redis) -> RedisStore:
    """A store whose scripts the server knows already."""
    store = RedisStore(redis, "rg:")
    kept = saved(store)
    store.context(ACCOUNT, continued(store, kept).response.id)
    return store


@pytest.mark.parametrize("length", [1, AT_ONCE])
def test_a_short_conversation_is_loaded_in_one_round_trip(store: RedisStore, length: int) -> None:
    last = chain(store, length)[-1]
    with round_trips(1):
        store.context(ACCOUNT, last.response.id)


@pytest.mark.parametrize("length", [AT_ONCE + 1, 300])
def test_a_conversation_of_any_length_is_loaded_in_two(store: RedisStore, length: int) -> None:
    last = chain(store, length)[-1]
    with round_trips(2):
        store.context(ACCOUNT, last.response.id)


def test_forks_cost_no_further_round_trip(store: RedisStore) -> None:
    turns = chain(store, AT_ONCE)
    for _ in range(5):
        continued(store, turns[-1])
        turns.append(continued(store, turns[-1]))
    with round_trips(2):
        context = store.context(ACCOUNT, turns[-1].response.id)
    assert context.items == left_by(*turns)


def test_a_turn_is_saved_in_one_round_trip(store: RedisStore) -> None:
    with round_trips(1):
        saved(store)


def test_a_response_is_read_in_one_round_trip(store: RedisStore) -> None:
    turns = chain(store, 100)
    with round_trips(1):
        store.get(ACCOUNT, turns[50].response.id)


def test_a_page_of_a_long_conversation_costs_two_round_trips(store: RedisStore) -> None:
    turns = chain(store, 200)
    with round_trips(2):
        store.input_items(
            ACCOUNT,
            turns[-1].response.id,
            PageQuery(order="desc", limit=20, after=turns[100].input[0].id),
        )


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("after", [None, 100])
def test_a_page_reads_no_more_of_a_conversation_than_it_needs(
    store: RedisStore, redis: Redis, order: Literal["asc", "desc"], after: int | None
) -> None:
    turns = chain(store, 200)
    mark = None if after is None else turns[after].input[0].id
    before = redis.info("stats")["total_net_output_bytes"]
    store.input_items(ACCOUNT, turns[-1].response.id, PageQuery(order=order, limit=20, after=mark))
    read = redis.info("stats")["total_net_output_bytes"] - before
    assert read < 40 * len(Entries().alone(turns[0]))


def test_a_page_of_a_short_conversation_costs_one_round_trip(store: RedisStore) -> None:
    last = chain(store, 3)[-1]
    with round_trips(1):
        store.input_items(ACCOUNT, last.response.id, PageQuery(order="asc", limit=100))


def test_a_turn_of_another_branch_is_not_of_the_chain(store: RedisStore, redis: Redis) -> None:
    root, left = chain(store, 2)
    right = continued(store, root)
    chains = Chains(redis, Keys("rg:"))
    assert chains.find(ACCOUNT, left.response.id, OWN, anchor=right.response.id) is None


def test_references_to_items_of_many_responses_cost_one_round_trip(store: RedisStore) -> None:
    turns = [saved(store) for _ in range(10)]
    with round_trips(1):
        store.items(ACCOUNT, [item.id for item in left_by(*turns)])


def test_200_turns_cost_less_than_their_json(redis: Redis) -> None:
    store = RedisStore(redis, "rg:")
    turns = chain(store, 200, PROSE)
    json = sum(len(orjson.dumps(ITEM.dump(item))) for item in left_by(*turns))
    stored = sum(redis.memory_usage(key, samples=0) or 0 for key in redis.keys("*"))
    assert stored < json


def test_what_turns_are_asked_with_again_and_again_is_stored_once(redis: Redis) -> None:
    rules = secrets.token_hex(5_000)
    asking = CreateRequest(model="m", input=(), parameters=Parameters(instructions=rules))
    store = RedisStore(redis, "rg:")
    turns = [saved(store, echo=echo(asking))]
    for _ in range(50):
        turns.append(continued(store, turns[-1], echo=echo(asking)))
    stored = sum(redis.memory_usage(key, samples=0) or 0 for key in redis.keys("*"))
    assert stored < 50 * 500 + 3 * len(rules)


def test_a_turn_costs_the_same_however_long_the_conversation(redis: Redis) -> None:
    store = RedisStore(redis, "rg:")
    turns = chain(store, 100, PROSE)
    halfway = redis.info("memory")["used_memory_dataset"]
    for _ in range(100):
        turns.append(continued(store, turns[-1], PROSE))
    assert redis.info("memory")["used_memory_dataset"] < 2.2 * halfway


def test_no_key_expires(store: RedisStore, redis: Redis) -> None:
    saved(store, given=(question("theirs", "msg_theirs"),))
    assert {redis.ttl(key) for key in redis.keys("*")} == {-1}


def test_a_conversation_is_in_one_slot_of_a_cluster(store: RedisStore, redis: Redis) -> None:
    turns = chain(store, 2)
    continued(store, turns[0])
    tags = {str(key).split("{")[1].split("}")[0] for key in redis.keys("rg:{*")}
    assert len(tags) == 2


def test_a_turn_whose_parent_a_dead_server_had_is_not_stored(
    store: RedisStore, redis: Redis
) -> None:
    first, last = chain(store, 2)
    redis.rpop(f"rg:{{{tag_of(first.response.id)}}}:0")
    with pytest.raises(NotFound):
        continued(store, last)
    continued(store, first)


def test_a_response_deleted_while_it_runs_stays_deleted_when_it_ends(
    store: RedisStore, redis: Redis
) -> None:
    running = turn()
    tag = tag_of(running.response.id)
    deleted = f"in_progress:0:-1:{AT}"
    redis.hset(f"rg:{{{tag}}}", mapping={"account": ACCOUNT, running.response.id: deleted})
    assert store.save(running)
    with pytest.raises(NotFound):
        store.get(ACCOUNT, running.response.id)


def test_a_response_that_runs_has_no_turn_yet(store: RedisStore, redis: Redis) -> None:
    running = turn()
    tag = tag_of(running.response.id)
    redis.hset(
        f"rg:{{{tag}}}", mapping={"account": ACCOUNT, running.response.id: "in_progress:0:-1:"}
    )
    with pytest.raises(NotFound):
        store.context(ACCOUNT, running.response.id)


def test_a_server_that_has_forgotten_the_programs_is_told_them_again(
    store: RedisStore, redis: Redis
) -> None:
    redis.script_flush()
    kept = saved(store)
    other = saved(store)
    redis.script_flush()
    assert len(store.items(ACCOUNT, [item.id for item in left_by(kept, other)])) == 4
    redis.script_flush()
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_two_who_delete_at_once_delete_once(store: RedisStore, redis: Redis) -> None:
    kept = saved(store)

    def meanwhile() -> float:
        store.delete(ACCOUNT, kept.response.id)
        return AT

    with pytest.raises(NotFound):
        RedisStore(redis, "rg:", now=meanwhile).delete(ACCOUNT, kept.response.id)


def test_a_response_with_an_id_that_is_not_ours_is_not_stored(store: RedisStore) -> None:
    with pytest.raises(ValueError, match="resp_1"):
        saved(store, response_id="resp_1")


def test_a_command_that_fails_among_others_is_told(store: RedisStore, redis: Redis) -> None:
    redis.set(f"rg:conversations:{ACCOUNT}", "not a sorted set")
    with pytest.raises(StorageRefused):
        saved(store)
