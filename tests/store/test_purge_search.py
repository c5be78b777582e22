"""What an operator purges is found: by when it came, or by its end user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.ids import alone_id, tag_of
from app.domain.request import CreateRequest, Parameters
from app.domain.turns.conversation import Conversation
from app.domain.turns.turn import Turn
from app.schemas.wire.echo import echo
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.conversations.redis import RedisConversationStore
from app.store.jobs.redis import RedisJobStore
from app.store.responses.redis import RedisStore
from app.store.retention.base import Found
from app.store.retention.redis import RedisRetention
from app.store.retention.search import AT_ONCE, OVERLAP_S, RedisPurgeSearch
from tests.ids import item_minter, new_id, new_tag
from tests.store.turns import (
    ACCOUNT,
    AT,
    STRANGER,
    WRAPPING,
    continued,
    next_id,
    payload_of,
    question,
    saved,
    turn,
)

HASH = "5f" * 16
DAY = 86_400


class Bench:
    """The stores of one gateway on an empty Redis, and what searches it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.store = RedisStore(client, "rg:")
        self.conversations = RedisConversationStore(client, "rg:", now=lambda: AT + 10)
        self.retention = RedisRetention(client, "rg:", now=lambda: AT + 100)
        self.search = RedisPurgeSearch(client, "rg:", now=lambda: AT + DAY)

    def came(self, at: int, *, account: str = ACCOUNT) -> Turn:
        made = turn(account=account)
        made = replace(made, response=replace(made.response, created_at=at))
        self.store.save(made)
        return made

    def before(self, at: int, account: str = ACCOUNT) -> list[str]:
        return [each.any_id for each in self.search.created_before(account, at)]

    def users(self, account: str = ACCOUNT) -> list[str]:
        return [each.any_id for each in self.search.of_user(account, "alice", HASH)]

    def purge(self, any_id: str) -> None:
        gone = self.retention.purge(any_id, only_due=False)
        assert gone is not None
        self.retention.settle([gone])


@pytest.fixture(scope="module")
def urls(own_redis_url: str, cluster_url: str) -> dict[str, str]:
    """Two Redises that may be emptied."""
    return {"single": own_redis_url, "cluster": cluster_url}


@pytest.fixture(params=["single", "cluster"])
def bench(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Bench]:
    with connect(RedisSettings(url=urls[request.param])) as client:
        client.flushall()
        yield Bench(client)


def forget_terms(client: Any, *turns: Turn) -> None:
    """Have turns be as an earlier release stored them."""
    for each in turns:
        response_id = each.response.id
        client.hdel(f"rg:{{{tag_of(response_id)}}}", f"terms:{response_id[-32:]}")


def ids(*turns: Turn) -> list[str]:
    return [each.response.id for each in turns]


# by age


def test_what_came_before_is_found_oldest_conversation_first(bench: Bench) -> None:
    third, first, second = (bench.came(AT + at) for at in (3, 1, 2))
    bench.came(AT, account=STRANGER)
    assert bench.before(AT + 3) == ids(first, second)
    assert bench.before(AT + 4) == ids(first, second, third)


def test_turns_of_an_old_conversation_are_found_by_their_own_time(bench: Bench) -> None:
    first = bench.came(AT)
    second = continued(bench.store, first)
    late = replace(
        turn(response_id=next_id(first.response.id)),
        parent=bench.store.context(ACCOUNT, second.response.id).position,
    )
    bench.store.save(replace(late, response=replace(late.response, created_at=AT + 50)))
    assert sorted(bench.before(AT + 50)) == sorted(ids(first, second))
    assert len(bench.before(AT + 51)) == 3


def test_more_conversations_are_found_than_are_listed_at_once(bench: Bench) -> None:
    turns = [bench.came(AT + number // 150) for number in range(2 * AT_ONCE + 5)]
    assert sorted(bench.before(AT + 9)) == sorted(ids(*turns))


def test_what_an_earlier_release_stored_is_found_by_reading_it(bench: Bench) -> None:
    old, new = bench.came(AT), bench.came(AT + 5)
    forget_terms(bench.client, old, new)
    assert bench.before(AT + 5) == ids(old)


def test_what_is_purged_is_found_no_more(bench: Bench) -> None:
    first = bench.came(AT)
    continued(bench.store, first)
    for each in bench.before(AT + 5):
        bench.purge(each)
    assert bench.before(AT + 5) == []


def test_a_conversation_is_found_behind_all_of_its_items(bench: Bench) -> None:
    conversation_id = new_id("conv", new_tag())
    stem = conversation_id.replace("conv_", "resp_", 1)
    items = (question("a", item_minter(stem)("msg")),)
    bench.conversations.create(ACCOUNT, Conversation(conversation_id, AT, {}), items)
    later = new_id("resp", tag_of(conversation_id) or "")
    more = (question("b", item_minter(later)("msg")),)
    bench.conversations.append(ACCOUNT, conversation_id, alone_id(later), more)  # at AT + 10
    assert bench.before(AT + 5) == [alone_id(stem)]
    assert bench.before(AT + 11)[-1] == conversation_id
    assert {alone_id(stem), alone_id(later)} == set(bench.before(AT + 11)[:-1])
    for each in bench.before(AT + 11):
        bench.purge(each)
    assert bench.before(AT + 11) == []


def test_items_that_an_earlier_release_stored_are_found_by_the_turn_behind_them(
    bench: Bench,
) -> None:
    conversation_id = new_id("conv", new_tag())
    bench.conversations.create(ACCOUNT, Conversation(conversation_id, AT, {}), ())
    tag, entries = tag_of(conversation_id) or "", list[str]()
    for _ in range(2):
        stem = new_id("resp", tag)
        entries.append(alone_id(stem))
        items = (question("a", item_minter(stem)("msg")),)
        bench.conversations.append(ACCOUNT, conversation_id, entries[-1], items)
        bench.client.hdel(f"rg:{{{tag}}}", f"terms:{stem[-32:]}")
        position = bench.conversations.context(ACCOUNT, conversation_id).position
        if len(entries) == 1:
            made = turn(response_id=new_id("resp", tag), parent=position)
            bench.store.save(replace(made, conversation=conversation_id))
    found = bench.before(AT + 1)
    assert entries[0] in found
    assert entries[1] not in found
    assert conversation_id not in found


def test_what_waits_is_found_and_said_to(bench: Bench) -> None:
    waiting = turn("job")
    queued = replace(waiting, response=replace(waiting.response, status="queued"))
    payload = replace(payload_of(queued), user_hash=HASH)
    jobs = RedisJobStore(bench.client, "rg:", bench.store, 30, WRAPPING)
    assert jobs.enqueue(payload, 10)
    (found,) = bench.search.created_before(ACCOUNT, AT + 1)
    assert found == Found(ACCOUNT, waiting.response.id, is_pending=True)
    assert list(bench.search.of_user(ACCOUNT, "alice", HASH)) == [found]


# by end user


def test_the_responses_of_an_end_user_are_found(bench: Bench) -> None:
    theirs = [replace(turn(), user_hash=HASH) for _ in range(3)]
    others = [replace(turn(), user_hash="0a" * 16), replace(turn(account=STRANGER), user_hash=HASH)]
    for each in (*theirs, *others):
        bench.store.save(each)
    saved(bench.store)
    assert sorted(bench.users()) == sorted(ids(*theirs))
    bench.purge(theirs[0].response.id)
    assert sorted(bench.users()) == sorted(ids(*theirs[1:]))
    assert bench.users(STRANGER) == ids(others[1])


def test_a_mark_of_what_is_gone_is_taken_out(bench: Bench) -> None:
    bench.client.sadd(f"rg:user:{ACCOUNT}:{HASH}", new_id("resp", new_tag()))
    assert bench.users() == []
    assert bench.client.exists(f"rg:user:{ACCOUNT}:{HASH}")  # by a purge, not by a search
    assert list(bench.search.of_user(ACCOUNT, "alice", HASH, is_to_purge=True)) == []
    assert not bench.client.exists(f"rg:user:{ACCOUNT}:{HASH}")


@pytest.mark.parametrize(
    "named", [Parameters(safety_identifier="alice"), Parameters(user="alice")], ids=["id", "user"]
)
def test_responses_of_an_earlier_release_are_found_by_reading_them(
    bench: Bench, named: Parameters
) -> None:
    by = [named, Parameters(user="alice", safety_identifier="bob"), Parameters()]
    shown = [echo(CreateRequest(model="m", input=(), parameters=each)) for each in by]
    turns = [saved(bench.store, echo=each) for each in shown]
    forget_terms(bench.client, *turns)
    assert bench.users() == ids(turns[0])
    bench.purge(turns[0].response.id)
    assert bench.users() == []


def test_conversations_that_began_under_this_release_are_not_read_for_it(bench: Bench) -> None:
    bench.client.set("rg:{expiring}:since", AT)
    shown = echo(
        CreateRequest(model="m", input=(), parameters=Parameters(safety_identifier="alice"))
    )
    made = [turn(echo=shown) for _ in range(2)]
    for at, each in zip((OVERLAP_S - 1, OVERLAP_S), made, strict=True):
        bench.store.save(replace(each, response=replace(each.response, created_at=AT + at)))
    forget_terms(bench.client, *made)
    assert bench.users() == ids(made[0])
