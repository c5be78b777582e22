"""Conversations in Redis: one order for all writers, exact histories, few round trips."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import redis

from app.domain.ids import alone_id, tag_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Position, Turn
from app.errors import NotFound
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.conversations import redis as conversations
from app.store.conversations.redis import RedisConversationStore
from app.store.responses import paging
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from tests.counting import counted
from tests.ids import item_minter, new_id, new_tag
from tests.store.turns import ACCOUNT, AT, next_id, purged, question, turn

_prefixes = (f"conversations{number}:" for number in count())


class Bench:
    """The stores of one gateway, and a conversation in them."""

    def __init__(self, client: Any) -> None:
        self.client, prefix = client, next(_prefixes)
        self.responses = RedisStore(client, prefix)
        self.conversations = RedisConversationStore(client, prefix, now=lambda: AT + 5)
        self.archive = RedisArchive(client, prefix)
        self.id = new_id("conv", new_tag())
        self.conversations.create(ACCOUNT, Conversation(self.id, AT, {"a": "b"}), ())

    def turn(self, text: str, parent: Position, **more: Any) -> Turn:
        response_id = new_id("resp", tag_of(self.id) or "")
        made = turn(text, response_id=response_id, parent=parent, **more)
        return Turn(
            ACCOUNT, made.response, made.input, frozenset(), made.parent, conversation=self.id
        )

    def position(self) -> Position:
        position = self.conversations.context(ACCOUNT, self.id).position
        assert position is not None
        return position

    def add_turn(self, text: str, **more: Any) -> Turn:
        added = self.turn(text, self.position(), **more)
        self.responses.save(added)
        return added

    def add_items(self, *texts: str) -> list[str]:
        stem = new_id("resp", tag_of(self.id) or "")
        mint = item_minter(stem)
        items = tuple(question(text, mint("msg")) for text in texts)
        self.conversations.append(ACCOUNT, self.id, alone_id(stem), items)
        return [item.id for item in items]

    def texts(self) -> list[str]:
        return texts(self.conversations.context(ACCOUNT, self.id).items)


def texts(items: Any) -> list[str]:
    return [item.content[0].text for item in items]


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    url = request.getfixturevalue(f"{request.param}_url")
    with connect(RedisSettings(url=url)) as client:
        yield Bench(client)


def test_turns_and_items_stand_in_the_order_in_which_they_came(bench: Bench) -> None:
    bench.add_items("a", "b")
    bench.add_turn("c")
    bench.add_items("d")
    bench.add_turn("e")
    assert bench.texts() == ["a", "b", "c", "C", "d", "e", "E"]


def test_of_two_writers_at_once_neither_is_lost_and_each_keeps_what_it_has_seen(
    bench: Bench,
) -> None:
    bench.add_turn("a")
    seen = bench.position()
    first, second = bench.turn("b", seen), bench.turn("c", seen)
    bench.responses.save(first)
    bench.responses.save(second)
    assert bench.texts() == ["a", "A", "b", "B", "c", "C"]
    third = bench.add_turn("d")
    for response, saw in (
        (first, ["a", "A", "b"]),
        (second, ["a", "A", "c"]),
        (third, ["a", "A", "b", "B", "c", "C", "d"]),
    ):
        page = bench.responses.input_items(ACCOUNT, response.response.id, PageQuery("asc", 100))
        assert texts(page.items) == saw
    aside = turn(
        "x",
        response_id=next_id(second.response.id),
        parent=bench.responses.context(ACCOUNT, second.response.id).position,
    )
    bench.responses.save(aside)
    context = bench.responses.context(ACCOUNT, aside.response.id)
    assert texts(context.items) == ["a", "A", "c", "C", "x", "X"]


def test_the_first_two_writers_of_an_empty_conversation_may_come_at_once(bench: Bench) -> None:
    seen = bench.position()
    for text in "ab":
        bench.responses.save(bench.turn(text, seen))
    assert bench.texts() == ["a", "A", "b", "B"]


def test_a_turn_that_is_saved_again_stands_once(bench: Bench) -> None:
    seen = bench.position()
    first, second = bench.turn("a", seen), bench.turn("b", seen)
    for each in (first, second, first, second):
        assert bench.responses.save(each)
    assert bench.texts() == ["a", "A", "b", "B"]


def removing_in_between(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, module: Any, *item_ids: str
) -> None:
    """Have items removed each time that the place of another was found, and before it is read."""
    find, first = module.find, iter([item_ids])

    def found(*place: Any) -> Any:
        cursor = find(*place)
        for item_id in next(first, ()):
            bench.conversations.remove_item(ACCOUNT, bench.id, item_id)
        return cursor

    monkeypatch.setattr(module, "find", found)


def test_an_item_is_itself_though_others_are_removed_as_it_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, d = bench.add_items("a", "b", "c", "d")
    removing_in_between(bench, monkeypatch, conversations, a, b)
    assert texts([bench.conversations.item(ACCOUNT, bench.id, c)]) == ["c"]
    removing_in_between(bench, monkeypatch, conversations, d)
    with pytest.raises(NotFound) as gone:
        bench.conversations.item(ACCOUNT, bench.id, d)
    assert gone.value.code == "item_not_found"


def test_a_page_lacks_no_item_though_others_are_removed_as_it_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _, _ = bench.add_items("a", "b", "c", "d")
    removing_in_between(bench, monkeypatch, paging, a)
    page = bench.conversations.items(ACCOUNT, bench.id, PageQuery("asc", 20, after=b))
    assert texts(page.items) == ["c", "d"]


def test_items_that_are_added_again_stand_once(bench: Bench) -> None:
    item = question("a", "msg_1")
    for _ in range(2):
        bench.conversations.append(ACCOUNT, bench.id, "items_" + "0" * 48, (item,))
    assert bench.texts() == ["a"]


def test_a_conversation_that_is_made_again_is_the_same(bench: Bench) -> None:
    bench.add_items("a")
    bench.conversations.create(ACCOUNT, Conversation(bench.id, AT, {}), ())
    assert bench.conversations.get(ACCOUNT, bench.id).metadata == {"a": "b"}
    assert bench.texts() == ["a"]


def test_what_a_fork_adds_is_not_of_the_conversation(bench: Bench) -> None:
    last = bench.add_turn("a")
    parent = bench.responses.context(ACCOUNT, last.response.id).position
    bench.responses.save(turn("x", response_id=next_id(last.response.id), parent=parent))
    assert bench.texts() == ["a", "A"]


def test_an_answer_that_outlives_its_conversation_is_kept_by_itself(bench: Bench) -> None:
    late = bench.turn("a", bench.position())
    bench.conversations.delete(ACCOUNT, bench.id)
    assert bench.responses.save(late)
    assert bench.responses.get(ACCOUNT, late.response.id).response == late.response


def test_a_long_conversation_takes_two_round_trips_whatever_its_length(bench: Bench) -> None:
    for number in range(250):
        bench.add_turn(str(number))
        if number == 100:  # somebody else was faster
            bench.responses.save(bench.turn("raced", Position("0", 99)))
    bench.add_items("last")
    with counted() as traffic:
        context = bench.conversations.context(ACCOUNT, bench.id)
    assert traffic.round_trips <= 2
    said_in_order = texts(context.items)
    assert len(said_in_order) == 503
    assert said_in_order[202:204] == ["raced", "RACED"]
    assert len(context.inputs) == 251


def test_the_last_turns_tools_are_known(bench: Bench) -> None:
    parameters: dict[str, Any] = {"type": "object", "properties": {"q": {"type": "string"}}}
    tool = {"type": "function", "name": "f", "description": "d" * 400, "parameters": parameters}
    shown = {**turn().response.echo, "tools": [tool | {"strict": None}]}
    bench.add_turn("a", echo=shown)
    bench.add_items("b")
    (known,) = bench.conversations.context(ACCOUNT, bench.id).tools
    assert known.name == "f"


def test_purging_a_deleted_conversation_takes_what_came_by_itself(bench: Bench) -> None:
    bench.add_items("a")
    kept = bench.add_turn("b")
    stored = bench.responses.stored_bytes(ACCOUNT)
    bench.conversations.delete(ACCOUNT, bench.id)
    assert purged(bench.archive, AT + 10) == [bench.id]
    assert bench.archive.purgeable(AT + 10) == 0
    assert texts(bench.responses.context(ACCOUNT, kept.response.id).items) == ["b", "B"]
    assert bench.responses.stored_bytes(ACCOUNT) < stored


def test_a_purged_conversation_without_responses_leaves_nothing(bench: Bench) -> None:
    bench.add_items("a")
    bench.conversations.delete(ACCOUNT, bench.id)
    assert purged(bench.archive, AT + 10) == [bench.id]
    assert bench.responses.stored_bytes(ACCOUNT) == 0
    assert bench.archive.conversations(ACCOUNT) == 0


def test_erasing_an_account_takes_its_conversations(bench: Bench) -> None:
    bench.add_items("a")
    bench.add_turn("b")
    bench.conversations.remove_item(
        ACCOUNT, bench.id, bench.conversations.context(ACCOUNT, bench.id).items[0].id
    )
    list(bench.archive.erase(ACCOUNT, lambda _: None))
    with pytest.raises(NotFound):
        bench.conversations.get(ACCOUNT, bench.id)
    if isinstance(bench.client, redis.Redis):
        assert not list(bench.client.scan_iter(f"{bench.responses._keys._prefix}*"))


def test_the_archive_walks_the_responses_of_a_conversation(bench: Bench) -> None:
    bench.add_items("a")
    seen = bench.position()
    made = [bench.turn(text, seen) for text in "bc"]
    for each in made:
        bench.responses.save(each)
    (responses,) = bench.archive.responses(ACCOUNT)
    assert {each.response_id for each in responses} == {each.response.id for each in made}
