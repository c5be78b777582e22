"""Room in memory for what is read of the store: it is made before anything long is there."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Literal

import pytest
import redis
from redis import Redis

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import alone_id, tag_of
from app.domain.items import Item
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Position, Turn
from app.errors import InvalidRequest, NotFound, Overloaded
from app.services.background.active_jobs import GONE_S, PATIENCE_S, JobMemory
from app.settings import RedisSettings
from app.store.codec import Codec
from app.store.connection.client import connect
from app.store.conversations.redis import RedisConversationStore
from app.store.jobs.redis import RedisJobStore
from app.store.responses.redis import RedisStore
from app.store.room import LIGHT_BYTES
from tests.ids import item_minter, new_id, new_tag
from tests.redis_server import running
from tests.store.turns import (
    ACCOUNT,
    AT,
    WRAPPING,
    chain,
    left_by,
    next_id,
    pages,
    payload_of,
    question,
    saved,
    turn,
)

LONG = 2 * 1024 * 1024
KEY = ContentKey(ACCOUNT, bytes(32))

_prefixes = (f"room{number}:" for number in count())


def short_in_redis(size: int) -> str:
    """Return a text that is compressed to nearly nothing."""
    return "what was said " * (size // 14)


def long_in_redis(size: int) -> str:
    """Return a text that nothing compresses to less than three quarters."""
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()  # noqa: S311 - no secret


class RoomBook:
    """Notes what room is made; refuses what is beyond `most`."""

    def __init__(self, most: int = 2**60) -> None:
        self.made: list[int] = []
        self.most = most

    def __call__(self, size: int) -> None:
        if self.held + size > self.most:
            raise Overloaded
        self.made.append(size)

    @property
    def held(self) -> int:
        return sum(self.made)


class Shelf:
    """The stores of one gateway, and what they ask for."""

    def __init__(self, client: Any, prefix: str = "") -> None:
        self.client, self.prefix = client, prefix or next(_prefixes)
        self.room = RoomBook()
        self.responses = RedisStore(client, self.prefix, room=self.room)
        self.conversations = RedisConversationStore(client, self.prefix, room=self.room)

    def anew(self) -> Shelf:
        """Return another process's stores of the same gateway, which know nothing yet."""
        return Shelf(self.client, self.prefix)

    def chain(self, *texts: str, key: ContentKey | None = None) -> list[Turn]:
        turns: list[Turn] = []
        for depth, text in enumerate(texts):
            own_id = next_id(turns[-1].response.id) if turns else new_id("resp", new_tag())
            mint = item_minter(own_id)
            made = turn("ok", response_id=own_id, given=(question(text, mint("msg")),))
            parent = Position("0", depth - 1) if depth else None
            turns.append(
                Turn(ACCOUNT, made.response, made.input, frozenset(), parent=parent, key=key)
            )
            self.responses.save(turns[-1])
        return turns


@pytest.fixture(params=["redis", "cluster"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    url = request.getfixturevalue(f"{request.param}_url")
    with connect(RedisSettings(url=url)) as client:
        yield Shelf(client)


@pytest.fixture
def one(redis_url: str) -> Iterator[Shelf]:
    with connect(RedisSettings(url=redis_url)) as client:
        yield Shelf(client)


Read = Callable[[Shelf, Turn], object]
READS: dict[str, Read] = {
    "get": lambda shelf, last: shelf.responses.get(ACCOUNT, last.response.id, last.key),
    "context": lambda shelf, last: shelf.responses.context(ACCOUNT, last.response.id, last.key),
    "page": lambda shelf, last: shelf.responses.input_items(
        ACCOUNT, last.response.id, PageQuery("asc", 10), last.key
    ),
    "item": lambda shelf, last: shelf.responses.items(ACCOUNT, [last.input[0].id], last.key),
}


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
@pytest.mark.parametrize("text", [short_in_redis, long_in_redis])
@pytest.mark.parametrize("name", READS)
def test_what_is_long_has_room_before_it_is_read(
    one: Shelf, name: str, text: Callable[[int], str], key: ContentKey | None
) -> None:
    (last,) = one.chain(text(LONG), key=key)
    READS[name](one, last)
    assert 2 * LONG <= one.room.held < 5 * LONG
    other = one.anew()
    other.room.most = LONG
    with pytest.raises(Overloaded):
        READS[name](other, last)


@pytest.mark.parametrize("name", READS)
def test_what_is_short_asks_for_none(one: Shelf, name: str) -> None:
    last = one.chain("a", "b", "c")[-1]
    READS[name](one, last)
    assert one.room.made == []


def test_nothing_is_unpacked_that_has_no_room(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    last = one.chain(*[short_in_redis(LONG)] * 3)[-1]
    one.room.most = 8 * LONG  # there is room for two, and to read three, not to send them on
    monkeypatch.setattr(Codec, "unpack", None)
    with pytest.raises(Overloaded):
        READS["context"](one, last)
    assert one.room.made == []


def test_many_that_are_short_have_room_together(one: Shelf) -> None:
    last = one.chain(*[short_in_redis(LIGHT_BYTES - 1000)] * 30)[-1]
    one.room.most = 40 * LIGHT_BYTES
    with pytest.raises(Overloaded):
        READS["context"](one, last)


def test_what_is_known_has_room_to_be_written_again(one: Shelf) -> None:
    last = one.chain(short_in_redis(LIGHT_BYTES), short_in_redis(LIGHT_BYTES))[-1]
    READS["context"](one, last)
    one.room.made.clear()
    READS["context"](one, last)
    assert 2 * LIGHT_BYTES - 1000 < one.room.held < 2 * LIGHT_BYTES + 3000


def test_values_count_beside_the_text_that_they_are_read_from(one: Shelf) -> None:
    stem = new_id("resp", new_tag())
    mint = item_minter(stem)
    given = tuple(question("x", mint("msg")) for _ in range(9000))
    last = turn("ok", response_id=stem, given=given)
    one.responses.save(last)
    READS["get"](one, last)
    json_bytes = one.room.made[0] // 2
    assert one.room.held > 5 * json_bytes


@pytest.mark.parametrize("turns", [5, 30])
def test_what_redis_hands_on_has_room_while_it_is_read(one: Shelf, turns: int) -> None:
    last = one.chain(*[long_in_redis(LONG // 4)] * turns)[-1]
    READS["context"](one, last)
    at_first = one.room.made[0]
    assert turns * LONG // 4 * 3 // 4 < at_first < turns * LONG // 4
    assert -at_first in one.room.made
    assert 3 * turns * LONG // 4 < one.room.held < 3.5 * turns * LONG // 4
    other = one.anew()
    other.room.most = turns * LONG // 8
    with pytest.raises(Overloaded):
        READS["context"](other, last)


@pytest.mark.parametrize("name", ["get", "item"])
def test_a_single_long_turn_has_room_before_redis_hands_it_on(redis_url: str, name: str) -> None:
    with Redis.from_url(redis_url) as client:
        shelf = Shelf(client)
        (last,) = shelf.chain(long_in_redis(LONG))
        before = client.info("stats")["total_net_output_bytes"]
        shelf.room.most = LONG // 2
        with pytest.raises(Overloaded):
            READS[name](shelf, last)
        assert client.info("stats")["total_net_output_bytes"] - before < LONG // 4
        shelf.room.most = 6 * LONG
        READS[name](shelf, last)


@pytest.mark.parametrize("turns", [1, 3, 30])
def test_what_is_erased_before_it_is_read_is_unknown(one: Shelf, turns: int) -> None:
    last = one.chain(*[long_in_redis(LONG)] * min(turns, 3), *"x" * (turns - 3))[-1]

    def erase(_size: int) -> None:
        for key in one.client.scan_iter(f"{one.prefix}*"):
            one.client.delete(key)

    erasing = RedisStore(one.client, one.prefix, room=erase)
    read = erasing.get if turns == 1 else erasing.context
    with pytest.raises(NotFound):
        read(ACCOUNT, last.response.id)


def test_another_branch_takes_no_room_for_long(one: Shelf) -> None:
    first = one.chain("a", "b", long_in_redis(LONG), long_in_redis(LONG))[0]
    made = turn("c", response_id=next_id(first.response.id))
    fork = Turn(ACCOUNT, made.response, made.input, frozenset(), parent=Position("0", 0))
    one.responses.save(fork)
    READS["context"](one, fork)
    assert one.room.held == 0


def test_what_has_come_since_takes_no_room_of_who_continues_an_early_turn(one: Shelf) -> None:
    early = one.chain("a", "b", "c", *[long_in_redis(4 * LONG)] * 4)[2]
    made = turn("d", response_id=next_id(early.response.id))
    fork = Turn(ACCOUNT, made.response, made.input, frozenset(), parent=Position("0", 2))
    one.responses.save(fork)
    other = one.anew()
    other.room.most = LIGHT_BYTES
    for last in (early, fork):
        READS["context"](other, last)


def test_a_user_of_redis_who_may_not_ask_for_sizes_reads_all_the_same() -> None:
    with running() as url:
        with redis.Redis.from_url(url) as operator:
            operator.execute_command(
                "ACL", "SETUSER", "gateway", "on", ">pw", "~*", "&*", "+@all", "-memory"
            )
        with connect(RedisSettings(url=url.replace("unix://", "unix://gateway:pw@"))) as client:
            shelf = Shelf(client)
            turns = shelf.chain(*[long_in_redis(LONG)] * 2)
            context = shelf.responses.context(ACCOUNT, turns[-1].response.id)
            assert context.items == left_by(*turns)
            assert shelf.room.made[0] > LONG


# pages


def ids(items: Any) -> list[str]:
    return [item.id for item in items]


@pytest.mark.parametrize("text", [short_in_redis, long_in_redis])
@pytest.mark.parametrize("limit", [3, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_long_turns_are_shorter_and_have_all_items_together(
    one: Shelf, order: Literal["asc", "desc"], limit: int, text: Callable[[int], str]
) -> None:
    turns = one.chain("a", *[text(3 * LONG)] * 5, "b", "c")
    expected: list[Item] = [*left_by(*turns[:-1]), *turns[-1].input]
    if order == "desc":
        expected.reverse()

    def read(query: PageQuery) -> Page:
        other = one.anew()
        page = other.responses.input_items(ACCOUNT, turns[-1].response.id, query)
        assert other.room.held < 20 * LONG  # three turns, as JSON and as items: 16 MiB are passed
        return page

    found = list(pages(read, order, limit))
    assert ids(item for page in found for item in page.items) == ids(expected)
    assert all(page.items for page in found)
    assert max(len(page.items) for page in found) <= limit


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_redis_hands_on_no_more_than_a_page_has(
    redis_url: str, order: Literal["asc", "desc"]
) -> None:
    with Redis.from_url(redis_url) as client:
        shelf = Shelf(client)
        turns = shelf.chain(*[long_in_redis(LONG)] * 14)
        before = client.info("stats")["total_net_output_bytes"]
        shelf.responses.input_items(ACCOUNT, turns[-1].response.id, PageQuery(order, 100))
        handed_on = client.info("stats")["total_net_output_bytes"] - before
        assert 14 * LONG // 2 < handed_on < 8.1 * LONG


def test_a_page_that_ends_in_front_of_an_item_has_what_is_nearest_to_it(one: Shelf) -> None:
    turns = one.chain(*[short_in_redis(3 * LONG)] * 5)
    last = turns[-1]
    query = PageQuery("asc", 100, before=last.input[0].id)
    page = one.responses.input_items(ACCOUNT, last.response.id, query)
    expected = ids(left_by(*turns[:-1]))
    assert page.has_more
    assert 0 < len(page.items) < len(expected)
    assert ids(page.items) == expected[-len(page.items) :]


def test_pages_of_a_conversation_have_what_came_at_once_and_what_is_sealed(shelf: Shelf) -> None:
    conversation = new_id("conv", new_tag())
    shelf.conversations.create(ACCOUNT, Conversation(conversation, AT, {}), (), key=KEY)
    expected: list[str] = []
    for number in range(6):
        stem = new_id("resp", tag_of(conversation) or "")
        item = question(short_in_redis((number % 3) * LONG + 1), item_minter(stem)("msg"))
        shelf.conversations.append(ACCOUNT, conversation, alone_id(stem), (item,), key=KEY)
        expected.append(item.id)
    seen = Position("0", 5)
    for text in (long_in_redis(LONG), "late"):  # neither has seen the other
        own_id = new_id("resp", tag_of(conversation) or "")
        mint = item_minter(own_id)
        made = turn(response_id=own_id, given=(question(text, mint("msg")),))
        shelf.responses.save(
            Turn(
                ACCOUNT,
                made.response,
                made.input,
                frozenset(),
                parent=seen,
                conversation=conversation,
                key=KEY,
            )
        )
        expected += [made.input[0].id, made.response.output[0].id]

    def read(query: PageQuery) -> Page:
        return shelf.conversations.items(ACCOUNT, conversation, query, KEY)

    for order in ("asc", "desc"):
        found = [item.id for page in pages(read, order, 100) for item in page.items]
        assert found == (expected if order == "asc" else expected[::-1])


def test_a_search_gives_back_the_room_of_what_it_has_looked_at(one: Shelf) -> None:
    long = [short_in_redis(3 * LONG)] * 6
    turns = one.chain("a", *long)
    with pytest.raises(InvalidRequest):
        one.responses.input_items(
            ACCOUNT, turns[-1].response.id, PageQuery("asc", 1, after="msg_of_nobody")
        )
    assert one.room.held == 0
    one.room.most = 20 * LONG
    with pytest.raises(InvalidRequest):
        one.responses.input_items(
            ACCOUNT, turns[-1].response.id, PageQuery("asc", 1, after="msg_of_nobody")
        )


def test_a_page_gives_back_the_room_of_what_was_removed_in_front_of_it(one: Shelf) -> None:
    conversation = new_id("conv", new_tag())
    one.conversations.create(ACCOUNT, Conversation(conversation, AT, {}), ())
    items = []
    for text in [*[short_in_redis(4 * LONG)] * 6, "last"]:
        stem = new_id("resp", tag_of(conversation) or "")
        items.append(question(text, item_minter(stem)("msg")))
        one.conversations.append(ACCOUNT, conversation, alone_id(stem), (items[-1],))
    for item in items[:-1]:
        one.conversations.remove_item(ACCOUNT, conversation, item.id)
    other = one.anew()
    other.room.most = 30 * LONG
    page = other.conversations.items(ACCOUNT, conversation, PageQuery("asc", 100))
    assert (ids(page.items), page.has_more) == ([items[-1].id], False)


def test_what_has_expired_in_a_long_conversation_is_as_good_as_purged(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        shelf = Shelf(client)
        turns = shelf.chain("a", long_in_redis(LONG), "b")
        index = f"{shelf.prefix}{{{tag_of(turns[0].response.id)}}}"
        client.zadd(f"{index}:expiring", {"0:1": 1})
        page = shelf.responses.input_items(ACCOUNT, turns[-1].response.id, PageQuery("asc", 100))
        assert ids(page.items) == ids([*left_by(turns[0]), *turns[-1].input])


def test_many_items_are_looked_up_by_id_a_few_responses_at_once(one: Shelf) -> None:
    turns = [saved(one.responses) for _ in range(40)] + chain(one.responses, 3)
    wanted = [each.input[0].id for each in turns]
    assert list(one.responses.items(ACCOUNT, wanted)) == wanted


# jobs


def waiting_job(shelf: Shelf, jobs: RedisJobStore, text: str, key: ContentKey | None) -> str:
    """Queue a job with this text in it; return its id."""
    own_id = new_id("resp", new_tag())
    given = (question(text, item_minter(own_id)("msg")),)
    made = turn(response_id=own_id, given=given, status="queued", made=())
    job = Turn(ACCOUNT, made.response, made.input, frozenset(), key=key)
    assert jobs.enqueue(replace(payload_of(job), key=key), 10)
    return own_id


@pytest.mark.parametrize(
    ("text", "key"), [(long_in_redis, None), (short_in_redis, KEY)], ids=["plain", "sealed"]
)
def test_a_long_job_is_claimed_once_there_is_room(
    shelf: Shelf,
    text: Callable[[int], str],
    key: ContentKey | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.store.jobs.redis.CROWDED_S", 0.0)
    jobs = RedisJobStore(shelf.client, shelf.prefix, shelf.responses, 30, WRAPPING)
    own_id = waiting_job(shelf, jobs, text(LONG), key)
    asked: list[int] = []

    def has_room(size: int) -> bool:
        asked.append(size)
        return len(asked) > 1

    taken = jobs.take("me")
    assert taken == own_id
    assert jobs.claim(own_id, "me", has_room) is None
    assert jobs.status(ACCOUNT, own_id, key) == "queued"
    assert jobs.lost() == []
    assert jobs.take() is None
    assert jobs.due() == 1
    assert jobs.take("next") == own_id
    claim = jobs.claim(own_id, "next", has_room)
    assert claim is not None
    assert not claim.begun
    assert asked[0] == asked[1] > 2 * LONG


def test_a_short_job_asks_for_no_room(one: Shelf) -> None:
    jobs = RedisJobStore(one.client, one.prefix, one.responses, 30, WRAPPING)
    own_id = waiting_job(one, jobs, "short", None)
    assert jobs.claim(jobs.take() or "", "me", lambda _size: False) is not None
    assert jobs.payload(own_id) is not None
    assert one.room.made == []


@pytest.mark.parametrize("text", [short_in_redis, long_in_redis])
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_the_payload_of_a_long_job_has_room_before_it_is_read(
    one: Shelf, key: ContentKey | None, text: Callable[[int], str]
) -> None:
    jobs = RedisJobStore(one.client, one.prefix, one.responses, 30, WRAPPING)
    own_id = waiting_job(one, jobs, text(LONG), key)
    assert jobs.payload(own_id) is not None
    assert one.room.held > 3 * LONG
    one.room.most = 0
    with pytest.raises(Overloaded):
        jobs.payload(own_id)


def test_a_sealed_job_of_a_release_that_wrote_no_size_has_room_once_it_is_opened(
    one: Shelf,
) -> None:
    jobs = RedisJobStore(one.client, one.prefix, one.responses, 30, WRAPPING)
    own_id = waiting_job(one, jobs, short_in_redis(LONG), KEY)
    one.client.hdel(f"{one.prefix}{{{tag_of(own_id)}}}:job:{own_id}", "json_bytes")
    assert jobs.payload(own_id) is not None
    assert one.room.held > 3 * LONG


class Waiting:
    """Jobs that ask for memory, at times that a test says."""

    def __init__(self, most: int) -> None:
        self.now = 0.0
        self.memory = JobMemory(most, lambda: self.now)

    def take(self, job: str, size: int) -> bool:
        return self.memory.take(f"token of {job}", job, size)

    def give_back(self, job: str) -> None:
        self.memory.give_back(f"token of {job}")


def test_jobs_together_take_no_more_than_the_bound_and_one_alone_may() -> None:
    jobs = Waiting(10)
    assert jobs.take("a", 11)
    assert jobs.take("a", 11)  # asked again, as a reply was lost
    assert not jobs.take("b", 1)
    jobs.give_back("a")
    jobs.give_back("a")
    assert jobs.take("b", 4)
    assert jobs.take("c", 6)
    assert not jobs.take("d", 1)


def test_a_job_is_not_left_without_room_for_ever_by_shorter_ones() -> None:
    jobs, waits_until = Waiting(10), 0
    assert jobs.take("short 0", 4)
    for number in range(1, 200):  # one more comes every two seconds, and the one before it ends
        jobs.now += 2
        if jobs.take("long", 12):  # more than all there is
            waits_until = number
            break
        jobs.take(f"short {number}", 4)
        jobs.give_back(f"short {number - 1}")
    assert 0 < 2 * waits_until < PATIENCE_S + 10
    jobs.give_back("long")
    assert jobs.take("short", 4)


def test_the_job_that_waits_longest_is_the_next() -> None:
    jobs = Waiting(10)
    assert jobs.take("runs", 8)
    assert not jobs.take("first", 9)
    jobs.now += 1
    assert not jobs.take("second", 9)
    for _ in range(4):
        jobs.now += 10
        assert not jobs.take("first", 9)
        assert not jobs.take("second", 9)
    jobs.give_back("runs")
    assert not jobs.take("second", 9)
    assert jobs.take("first", 9)
    jobs.give_back("first")
    assert not jobs.take("third", 1)
    assert jobs.take("second", 9)


def test_nobody_waits_for_a_job_that_does_not_come_again() -> None:
    jobs = Waiting(10)
    assert jobs.take("runs", 8)
    for _ in range(5):
        assert not jobs.take("cancelled", 9)
        jobs.now += 10
    assert not jobs.take("other", 2)
    jobs.now += GONE_S
    assert jobs.take("other", 2)
