"""What is due is purged, step by step: on a single Redis and on a Cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis.exceptions import ConnectionError as ConnectionLost

from app.domain.ids import alone_id, tag_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Position, Turn
from app.errors import NotFound, StorageUnavailable
from app.settings import RedisSettings
from app.store.connection import script
from app.store.connection.client import connect
from app.store.conversations.redis import RedisConversationStore
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from app.store.retention.redis import AGAIN_S, LOST_WITHIN_S, PLACES_S, RedisRetention
from tests.ids import item_minter, new_id, new_tag
from tests.store.ageing import LATER, LONG_AGO, continued_for, expire, kept_for
from tests.store.servers import everything
from tests.store.turns import ACCOUNT, AT, continued, left_by, next_id, question, saved

HASH = "5f" * 16


class Bench:
    """The stores of one gateway on an empty Redis; `at` is what the clock of the sweep shows."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.at = float(LATER)
        self.store = RedisStore(client, "rg:")
        self.archive = RedisArchive(client, "rg:")
        self.conversations = RedisConversationStore(client, "rg:", now=lambda: AT)
        self.retention = RedisRetention(client, "rg:", now=lambda: self.at)

    def kept(self, text: str = "hello", **more: Any) -> Turn:
        made = kept_for(1, text, **more)
        self.store.save(made)
        return made

    def due(self) -> tuple[str, ...]:
        found = self.retention.due("me", 100)
        assert found is not None
        return found.ids

    def sweep(self) -> list[str]:
        """Purge what is due; return the ids of what was destroyed."""
        gone = [self.retention.purge(each, only_due=True) for each in self.due()]
        purged = [each for each in gone if each is not None]
        self.retention.settle(purged)
        return [each.any_id for each in purged if each.is_news]

    def left(self) -> bytes:
        """Return all that Redis holds but for what a sweep notes for itself."""
        for name in ("lease", "since", "unlogged"):
            self.client.delete(f"rg:{{expiring}}:{name}")
        return everything(self.client)


@pytest.fixture(params=["single", "cluster"])
def bench(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Bench]:
    with connect(RedisSettings(url=urls[request.param])) as client:
        client.flushall()
        yield Bench(client)


def ids(*turns: Turn) -> list[str]:
    return [each.response.id for each in turns]


# what is due


def test_what_is_due_is_listed_oldest_first_and_a_bounded_number_at_once(bench: Bench) -> None:
    turns = [bench.kept() for _ in range(4)]
    for number, each in enumerate(turns[:3]):
        expire(bench.client, each.response.id, LONG_AGO + 2 - number)
    found = bench.retention.due("me", 2)
    assert found is not None
    assert list(found.ids) == ids(turns[2], turns[1])
    assert found.count == 3
    assert found.late_s > 10**9


def test_one_process_sweeps_at_a_time(bench: Bench) -> None:
    assert bench.retention.due("one", 10) is not None
    assert bench.retention.due("another", 10) is None
    assert bench.retention.due("one", 10) is not None
    bench.client.delete("rg:{expiring}:lease")  # it was lost, and its lease ran out
    assert bench.retention.due("another", 10) is not None


def test_what_is_not_kept_for_some_days_costs_a_sweep_nothing(bench: Bench) -> None:
    saved(bench.store)
    assert bench.due() == ()
    assert not bench.client.exists("rg:{expiring}")


def test_what_is_not_due_is_not_purged_and_is_looked_at_again(bench: Bench) -> None:
    kept = bench.kept()
    bench.client.zadd("rg:{expiring}", {kept.response.id: LONG_AGO})
    assert bench.retention.purge(kept.response.id, only_due=True) is None
    bench.retention.postpone(kept.response.id)
    assert bench.client.zscore("rg:{expiring}", kept.response.id) == bench.at + AGAIN_S
    assert bench.store.get(ACCOUNT, kept.response.id) == kept


def test_a_clock_that_is_behind_that_of_redis_holds_up_no_purge(bench: Bench) -> None:
    kept = bench.kept()
    conversation_id = begun(bench, "a", expires_at=LATER)
    for each in (kept.response.id, conversation_id):
        expire(bench.client, each)
    bench.at = LONG_AGO - 1
    assert sorted(bench.sweep()) == sorted((kept.response.id, conversation_id))


def test_what_runs_is_not_purged(bench: Bench) -> None:
    before = saved(bench.store, "before")
    running_id = next_id(before.response.id)
    bench.client.hset(f"rg:{{{tag_of(running_id)}}}", running_id, "in_progress:0:-1:")
    for only_due in (True, False):
        assert bench.retention.purge(running_id, only_due=only_due) is None
    assert bench.store.get(ACCOUNT, before.response.id) == before


def test_a_mark_of_what_was_never_stored_goes(bench: Bench) -> None:
    bench.client.zadd("rg:{expiring}", {new_id("resp", new_tag()): LONG_AGO})
    assert bench.sweep() == []
    assert bench.left() == b""


# what is left


def test_nothing_of_a_text_is_left(bench: Bench) -> None:
    given = (question("my secret", "msg_my_secret"),)
    kept = replace(bench.kept("my secret", given=given), cuts=b"secret cuts", user_hash=HASH)
    bench.store.save(replace(kept, response=replace(kept.response, id=next_id(kept.response.id))))
    second = kept_for(1, "my secret", given=given)
    bench.store.save(replace(second, cuts=b"secret cuts", user_hash=HASH))
    bench.client.xadd(
        f"rg:{{{tag_of(second.response.id)}}}:events:{second.response.id}", {"d": "secret"}
    )
    assert b"secret" in bench.left()
    everyone = [str(each, "ascii") for each in bench.client.zrange("rg:{expiring}", 0, -1)]
    for each in everyone:
        expire(bench.client, each)
    assert sorted(bench.sweep()) == sorted(everyone)
    assert b"secret" not in bench.left()
    assert HASH.encode() not in bench.left()
    assert bench.store.stored_bytes(ACCOUNT) == 0


@pytest.mark.parametrize("expired", ["b", "ab", "d", "abd"])
def test_a_sweep_changes_nothing_that_anybody_can_read(bench: Bench, expired: str) -> None:
    a = bench.kept("a")
    b = continued_for(bench.store, a, "b")
    c, d = continued_for(bench.store, b, "c"), continued_for(bench.store, b, "d")
    turns = {"a": a, "b": b, "c": c, "d": d, "e": continued_for(bench.store, d, "e")}
    for name in expired:
        expire(bench.client, turns[name].response.id)
    page = PageQuery("desc", 100)

    def seen() -> list[Any]:
        last = ids(c, turns["e"])
        contexts = [bench.store.context(ACCOUNT, each) for each in last]
        return [*contexts, *(bench.store.input_items(ACCOUNT, each, page) for each in last)]

    before = seen()
    assert sorted(bench.sweep()) == sorted(ids(*(turns[name] for name in expired)))
    assert seen() == before
    left = [turns[name] for name in "abde" if name not in expired]
    assert seen()[1].items == left_by(*left)
    assert bench.sweep() == []


def test_a_conversation_of_which_nothing_is_left_goes_a_day_later(bench: Bench) -> None:
    first = bench.kept("a")
    second = continued_for(bench.store, first, "b")
    for each in (first, second):
        expire(bench.client, each.response.id, LONG_AGO)
    bench.at = LONG_AGO + 60.0
    assert sorted(bench.sweep()) == sorted(ids(first, second))
    found = bench.archive.find(second.response.id)
    assert found is not None
    assert (found.is_purged, found.deleted_at) == (True, LONG_AGO)
    bench.at = LONG_AGO + PLACES_S
    bench.sweep()
    bench.client.delete("rg:stored:acme")
    assert bench.left() == b""


def test_an_answer_that_was_begun_in_time_finds_its_place(bench: Bench) -> None:
    first = bench.kept("a")
    position = bench.store.context(ACCOUNT, first.response.id).position
    expire(bench.client, first.response.id)
    bench.at = LONG_AGO + 60.0
    bench.sweep()
    late = kept_for(1, "b", response_id=next_id(first.response.id), parent=position)
    assert bench.store.save(late)
    assert bench.store.context(ACCOUNT, late.response.id).items == left_by(late)
    bench.at = LONG_AGO + PLACES_S
    bench.sweep()
    assert bench.store.get(ACCOUNT, late.response.id).input == late.input


def test_a_conversation_with_a_turn_that_is_kept_for_ever_stays(bench: Bench) -> None:
    first = bench.kept("a")
    second = continued(bench.store, first, "b")
    expire(bench.client, first.response.id)
    for _ in range(2):
        bench.sweep()
        bench.at += PLACES_S
    assert bench.store.context(ACCOUNT, second.response.id).items == left_by(second)
    assert bench.due() == ()


def test_what_was_deleted_is_purged_with_its_time(bench: Bench) -> None:
    kept = bench.kept("secret")
    bench.store.delete(ACCOUNT, kept.response.id)
    expire(bench.client, kept.response.id)
    assert bench.sweep() == ids(kept)
    assert bench.archive.purgeable(2**40) == 0


def test_operators_see_what_has_expired_as_purged(bench: Bench) -> None:
    kept = bench.kept()
    expire(bench.client, kept.response.id)
    found = bench.archive.find(kept.response.id)
    ((listed,),) = bench.archive.responses(ACCOUNT)
    assert found == listed
    assert (listed.is_purged, listed.deleted_at) == (True, LONG_AGO)


def test_an_erasure_takes_the_marks(bench: Bench) -> None:
    kept = kept_for(1)
    bench.store.save(replace(kept, user_hash=HASH))
    list(bench.archive.erase(ACCOUNT, lambda _: None))
    assert bench.left() == b""


# faults


def test_a_sweep_that_is_cut_off_anywhere_is_gone_on_with(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    runs = {
        "app.store.responses.purging.run_all": script.run_all,
        "app.store.retention.redis.run_all": script.run_all,
        "app.store.connection.script.run_all": script.run_all,
        "app.store.connection.replication.run_in_order": script.run_in_order,
    }

    def cut_off(after: int) -> bool:
        """Sweep until a call of Redis fails; return whether none did."""
        nonlocal calls
        calls = 0

        def counted(run: Callable[[Any, Any], list[Any]], client: Any, commands: Any) -> list[Any]:
            nonlocal calls
            calls += 1
            if calls > after:
                raise ConnectionLost("away")
            return run(client, commands)

        with monkeypatch.context() as patch:
            for name, run in runs.items():
                patch.setattr(name, partial(counted, run))
            try:
                bench.sweep()
            except StorageUnavailable:
                return False
            return True

    first = bench.kept("secret", given=(question("secret", "msg_secret"),))
    continued_for(bench.store, first, "secret")
    for each in bench.client.zrange("rg:{expiring}", 0, -1):
        expire(bench.client, str(each, "ascii"))
    bench.at = LONG_AGO + 60.0
    faults = 0
    while not cut_off(faults):
        faults += 1
    assert faults > 5
    bench.at = LONG_AGO + PLACES_S
    while not cut_off(faults):
        faults += 1
    bench.client.delete("rg:stored:acme")
    assert bench.left() == b""


# conversations


def test_a_purge_that_redis_has_lost_is_done_again(bench: Bench) -> None:
    before = bench.kept()
    secret = continued_for(bench.store, before, "secret").response.id
    expire(bench.client, secret)
    keys = list(bench.client.scan_iter(f"rg:{{{tag_of(secret)}}}*"))
    kept = [bench.client.dump(key) for key in keys]
    assert bench.sweep() == [secret]
    for key, value in zip(keys, kept, strict=True):  # as when Redis is killed just after the purge
        bench.client.restore(key, 0, value, replace=True)
    assert b"secret" in bench.left()
    for destroyed in ([secret], []):
        assert bench.client.zscore("rg:{expiring}", secret) == bench.at + LOST_WITHIN_S
        bench.client.zadd("rg:{expiring}", {secret: LONG_AGO})
        assert bench.sweep() == destroyed
        assert b"secret" not in bench.left()
    assert bench.client.zscore("rg:{expiring}", secret) is None


def begun(bench: Bench, *texts: str, expires_at: int | None = LATER) -> str:
    """Return the id of a conversation that was made with these items."""
    conversation_id = new_id("conv", new_tag())
    mint = item_minter(conversation_id.replace("conv_", "resp_", 1))
    items = tuple(question(text, mint("msg")) for text in texts)
    made = Conversation(conversation_id, AT, {"about": "secret"})
    bench.conversations.create(ACCOUNT, made, items, expires_at)
    return conversation_id


def add_items(bench: Bench, conversation_id: str, text: str, expires_at: int | None) -> str:
    stem = new_id("resp", tag_of(conversation_id) or "")
    items = (question(text, item_minter(stem)("msg")),)
    bench.conversations.append(ACCOUNT, conversation_id, alone_id(stem), items, expires_at)
    return alone_id(stem)


def listed(bench: Bench, conversation_id: str) -> list[str]:
    page = bench.conversations.items(ACCOUNT, conversation_id, PageQuery("asc", 100))
    return [item.content[0].text for item in page.items]  # type: ignore[union-attr]


def test_items_of_a_conversation_expire_by_themselves(bench: Bench) -> None:
    conversation_id = begun(bench, "secret a")
    second = add_items(bench, conversation_id, "secret b", LATER)
    add_items(bench, conversation_id, "c", LATER)
    expire(bench.client, second)
    assert listed(bench, conversation_id) == ["secret a", "c"]
    assert bench.sweep() == [second]
    assert listed(bench, conversation_id) == ["secret a", "c"]
    assert b"secret b" not in bench.left()


def test_a_turn_of_a_conversation_leaves_its_list_with_its_time(bench: Bench) -> None:
    conversation_id = begun(bench, "a")
    tag = tag_of(conversation_id) or ""
    position = bench.conversations.context(ACCOUNT, conversation_id).position
    # The second was begun before the first had come: it is in a log of its own, and listed.
    turns = [
        replace(
            kept_for(1, text, response_id=new_id("resp", tag), parent=position),
            conversation=conversation_id,
        )
        for text in ("b", "c")
    ]
    for each in turns:
        bench.store.save(each)
    assert listed(bench, conversation_id) == ["a", "b", "B", "c", "C"]
    expire(bench.client, turns[1].response.id)
    assert listed(bench, conversation_id) == ["a", "b", "B"]
    expire(bench.client, turns[0].response.id)
    assert listed(bench, conversation_id) == ["a"]
    assert bench.conversations.context(ACCOUNT, conversation_id).tools == ()
    bench.sweep()
    assert listed(bench, conversation_id) == ["a"]


def test_a_conversation_expires_with_the_last_of_what_came_to_it(bench: Bench) -> None:
    conversation_id = begun(bench, "a", expires_at=LATER)
    add_items(bench, conversation_id, "b", LATER + 5)
    tag = tag_of(conversation_id)
    assert bench.client.zscore(f"rg:{{{tag}}}:expiring", "conversation") == LATER + 5
    add_items(bench, conversation_id, "c", LATER + 1)
    assert bench.client.zscore(f"rg:{{{tag}}}:expiring", "conversation") == LATER + 5
    add_items(bench, conversation_id, "d", None)
    assert bench.client.zscore(f"rg:{{{tag}}}:expiring", "conversation") is None


def test_an_expired_conversation_is_unknown_and_then_gone(bench: Bench) -> None:
    conversation_id = begun(bench, "secret")
    for name in bench.client.zrange("rg:{expiring}", 0, -1):
        expire(bench.client, str(name, "ascii"))
    for read in (bench.conversations.get, bench.conversations.context):
        with pytest.raises(NotFound):
            read(ACCOUNT, conversation_id)
    assert list(RedisConversationStore(bench.client, "rg:").walk(ACCOUNT)) == []
    bench.at = LONG_AGO + 60.0
    assert bench.sweep() == [conversation_id]  # with its items
    assert b"secret" not in bench.left()
    bench.at = LONG_AGO + PLACES_S
    bench.sweep()
    bench.client.delete("rg:stored:acme")
    assert bench.left() == b""


def test_what_a_turn_saw_of_an_expired_conversation_goes_too(bench: Bench) -> None:
    conversation_id = begun(bench, "a")
    context = bench.conversations.context(ACCOUNT, conversation_id)
    made = kept_for(
        1, "b", response_id=new_id("resp", tag_of(conversation_id) or ""), parent=Position("0", 0)
    )
    bench.store.save(replace(made, conversation=conversation_id))
    assert len(bench.store.context(ACCOUNT, made.response.id).items) == len(context.items) + 2
    expire(bench.client, alone_id(conversation_id.replace("conv_", "resp_", 1)))
    assert bench.store.context(ACCOUNT, made.response.id).items == left_by(made)
