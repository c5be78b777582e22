"""Lists of what an account has stored, in a real Redis, Cluster or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from time import time
from typing import Any

import pytest

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import tag_of
from app.domain.request import CreateRequest, Parameters
from app.domain.turns.conversation import Conversation
from app.domain.turns.listing import ListCursor, ListPage, ListQuery
from app.domain.turns.summary import ResponseSummary
from app.domain.turns.turn import Position, Turn
from app.errors import StorageUnavailable
from app.schemas.wire.echo import echo
from app.settings import RedisSettings
from app.store.connection.client import Client, connect
from app.store.conversations.redis import RedisConversationStore
from app.store.jobs.base import Claim, Flush, NewStream, RetryState
from app.store.jobs.live_streams import RedisLiveStreamStore
from app.store.jobs.redis import RedisJobStore
from app.store.listings.peeking import Peeked, Peeking
from app.store.listings.redis import RedisListings
from app.store.listings.walk import MOST_EXAMINED
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from app.store.retention.redis import RedisRetention
from tests.counting import counted
from tests.ids import new_id, new_tag
from tests.redis_server import running
from tests.store.test_jobs import ended
from tests.store.turns import (
    ACCOUNT,
    AT,
    STRANGER,
    WRAPPING,
    chain,
    continued,
    next_id,
    payload_of,
    question,
    saved,
    turn,
)

_prefixes = (f"lists{number}:" for number in count())
#: Instructions of which Redis has nearly nothing.
LONGEST = "do as you are told " * 100_000
KEY, ANOTHER = (ContentKey.of(ACCOUNT, bytes([each]) * 32) for each in (1, 2))
ODD = {'a"]b[é\n': "v'\\ \u2028*?"}


class Shelf:
    """A Redis, and the stores on it, under a prefix of their own."""

    def __init__(self, client: Client) -> None:
        self.client: Any = client
        self.prefix = next(_prefixes)
        self.responses = RedisStore(client, self.prefix)
        self.conversations = RedisConversationStore(client, self.prefix)
        self.lists = RedisListings(client, self.prefix)
        self.jobs = RedisJobStore(client, self.prefix, self.responses, 30, WRAPPING)
        self.live = RedisLiveStreamStore(client, self.prefix, self.responses, 30, WRAPPING)
        self.archive = RedisArchive(client, self.prefix)

    def page(self, key: ContentKey | None = None, **query: Any) -> ListPage[ResponseSummary]:
        return self.lists.responses(ACCOUNT, ListQuery(**{"limit": 20} | query), key)

    def ids(self, key: ContentKey | None = None, **query: Any) -> list[str]:
        return [each.id for each in self.page(key, **query).rows]

    def made(self, text: str = "hello", at: int = AT, **more: Any) -> Turn:
        """Return a stored turn that came then."""
        key, metadata = more.pop("key", None), more.pop("metadata", None)
        if metadata is not None:
            parameters = Parameters(metadata=metadata)
            more["echo"] = echo(CreateRequest(model="m", input=(), parameters=parameters))
        made = turn(text, **more)
        made = replace(made, response=replace(made.response, created_at=at), key=key)
        self.responses.save(made)
        return made

    def waiting(self, at: int = AT, account: str = ACCOUNT, key: ContentKey | None = None) -> Turn:
        """Return the turn that a job is to make which waits."""
        made = turn("do it", account=account, status="queued", made=(), usage=None)
        made = replace(made, response=replace(made.response, created_at=at), key=key)
        assert self.jobs.enqueue(replace(payload_of(made), key=key), 1000)
        return made

    def streamed(self, account: str = ACCOUNT) -> Turn:
        """Return the turn that a stream which runs is to make."""
        made = turn("say it", account=account, status="in_progress", made=(), usage=None)
        claim = Claim(made.response.id, account, b"", "me", "me")
        assert self.live.begin([NewStream(claim, payload_of(made), outlasts=False)]) == [True]
        return made


@pytest.fixture(params=["redis_url", "cluster_url"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with connect(RedisSettings(url=request.getfixturevalue(request.param))) as client:
        yield Shelf(client)


def test_responses_are_listed_newest_first_with_what_tells_them_apart(shelf: Shelf) -> None:
    first = shelf.made("one  two\nthree", AT, metadata={"team": "a"})
    second = shelf.made("x" * 5000, AT + 1)
    page = shelf.page()
    assert [each.id for each in page.rows] == [second.response.id, first.response.id]
    assert (page.next, page.examined, page.is_cut) == (None, 2, False)
    assert page.rows[1] == ResponseSummary(
        first.response.id,
        AT,
        "completed",
        model="gpt-5-mini",
        metadata={"team": "a"},
        input_text="one two three",
        output_text="ONE TWO THREE",
        input_tokens=3,
        output_tokens=5,
    )
    assert page.rows[0].input_text == "x" * 199 + "…"


def test_a_turn_that_continues_another_is_listed_by_when_it_came(shelf: Shelf) -> None:
    first = shelf.made("old", AT)
    shelf.made("between", AT + 5)
    position = shelf.responses.context(ACCOUNT, first.response.id).position
    later = shelf.made("new", AT + 9, response_id=next_id(first.response.id), parent=position)
    assert shelf.ids()[0] == later.response.id
    assert len(shelf.ids()) == 3


def test_another_account_has_a_list_of_its_own(shelf: Shelf) -> None:
    shelf.made(account=STRANGER)
    assert shelf.ids() == []
    # Even were its list to name it.
    theirs = shelf.made(account=STRANGER)
    shelf.client.zadd(f"{shelf.prefix}responses:{ACCOUNT}", {theirs.response.id: AT})
    assert shelf.ids() == []
    assert shelf.lists.tree(ACCOUNT, theirs.response.id) is None


def test_pages_follow_one_another_without_a_gap(shelf: Shelf) -> None:
    made = [shelf.made(str(number), AT + number // 4).response.id for number in range(11)]
    seen, cursor = list[str](), None
    while True:
        page = shelf.page(limit=3, after=cursor)
        seen += [each.id for each in page.rows]
        if page.next is None:
            break
        cursor = ListCursor.read(page.next)
        assert cursor is not None
    assert sorted(seen) == sorted(made)
    assert len(seen) == 11


def test_what_came_within_one_second_is_listed_newest_first_too(shelf: Shelf) -> None:
    made = list[str]()
    for number in range(6):
        made.append(shelf.made(str(number), int(time())).response.id)
        made.append(shelf.waiting(int(time())).response.id)
    assert shelf.ids() == made[::-1]
    first = shelf.page(limit=5)
    rest = shelf.ids(limit=7, after=ListCursor.read(first.next or ""))
    assert [*(each.id for each in first.rows), *rest] == made[::-1]
    assert list(shelf.lists.relist(ACCOUNT))
    assert shelf.ids() == made[::-1]


def test_conversations_of_one_second_are_listed_newest_first_too(shelf: Shelf) -> None:
    made = list[str]()
    for _ in range(6):
        conversation = Conversation(new_id("conv", new_tag()), int(time()), {})
        shelf.conversations.create(ACCOUNT, conversation, ())
        made.append(conversation.id)
    listed = shelf.lists.conversations(ACCOUNT, ListQuery(limit=20))
    assert [each.id for each in listed.rows] == made[::-1]


def test_a_page_that_is_just_full_is_the_last(shelf: Shelf) -> None:
    for number in range(3):
        shelf.made(str(number))
    assert shelf.page(limit=3).next is None


def test_only_what_came_then_is_listed(shelf: Shelf) -> None:
    ids = [shelf.made(str(number), AT + number).response.id for number in range(5)]
    assert shelf.ids(since=AT + 1, until=AT + 3) == [ids[2], ids[1]]


def test_a_search_finds_by_metadata_and_status(shelf: Shelf) -> None:
    wanted = shelf.made(metadata={"team": "a", **ODD})
    shelf.made(metadata={"team": "b"})
    failed = shelf.made(metadata={"team": "a"}, status="failed")
    assert set(shelf.ids(metadata={"team": "a"})) == {wanted.response.id, failed.response.id}
    assert shelf.ids(metadata={"team": "a"} | ODD) == [wanted.response.id]
    assert shelf.ids(metadata={"team": "a"}, statuses=frozenset({"failed"})) == [failed.response.id]
    assert shelf.ids(metadata={"team": "c"}) == []
    (row,) = shelf.page(metadata=ODD).rows
    assert (row.metadata, row.input_text) == ({"team": "a"} | ODD, "hello")


def test_a_search_looks_at_so_many_and_says_so(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.listings.walk.MOST_EXAMINED", 5)
    oldest = shelf.made("0", AT, metadata={"team": "a"})
    for number in range(7):
        shelf.made(str(number), AT + 1)
    page = shelf.page(metadata={"team": "a"})
    assert (page.rows, page.examined, page.is_cut) == ((), 5, True)
    page = shelf.page(metadata={"team": "a"}, after=ListCursor.read(page.next or ""))
    assert [each.id for each in page.rows] == [oldest.response.id]
    assert (page.next, page.examined, page.is_cut) == (None, 3, False)


def test_what_is_deleted_is_not_listed_and_not_looked_at(shelf: Shelf) -> None:
    kept, deleted = shelf.made("kept"), shelf.made("deleted")
    shelf.responses.delete(ACCOUNT, deleted.response.id)
    page = shelf.page()
    assert [each.id for each in page.rows] == [kept.response.id]
    assert page.examined == 1


def test_what_has_expired_is_not_listed_even_before_it_is_purged(shelf: Shelf) -> None:
    shown = echo(CreateRequest(model="m", input=(), retention_days=1))
    expired = shelf.made(echo=shown, at=AT)
    assert shelf.ids() == []
    retention = RedisRetention(shelf.client, shelf.prefix)
    purged = retention.purge(expired.response.id, only_due=True)
    assert purged is not None
    retention.settle([purged])
    assert shelf.client.zcard(f"{shelf.prefix}responses:{ACCOUNT}") == 0


def test_nothing_is_left_of_an_account_that_was_erased(shelf: Shelf) -> None:
    shelf.made()
    made = Conversation(new_id("conv", new_tag()), AT, {})
    shelf.conversations.create(ACCOUNT, made, ())
    list(shelf.archive.erase(ACCOUNT, lambda _: None))
    assert list(shelf.client.scan_iter(match=f"{shelf.prefix}*")) == []


def test_an_encrypted_response_is_there_for_its_key_alone(shelf: Shelf) -> None:
    plain, sealed = shelf.made("plain"), shelf.made("sealed", key=KEY, metadata={"team": "a"})
    for key in (None, ANOTHER):
        assert shelf.ids(key) == [plain.response.id]
        assert shelf.ids(key, metadata={"team": "a"}) == []
        assert shelf.lists.tree(ACCOUNT, sealed.response.id, key) is None
    both = (plain.response.id, sealed.response.id, "resp_1")
    assert shelf.lists.locked(both) == shelf.lists.locked(both, ANOTHER) == {sealed.response.id}
    assert shelf.lists.locked(both, KEY) == shelf.lists.locked((), None) == frozenset()
    rows = {each.id: each for each in shelf.page(KEY).rows}
    assert rows[sealed.response.id].input_text == "sealed"
    assert rows[sealed.response.id].is_encrypted
    assert not rows[plain.response.id].is_encrypted
    assert shelf.ids(KEY, metadata={"team": "a"}) == [sealed.response.id]
    tree = shelf.lists.tree(ACCOUNT, sealed.response.id, KEY)
    assert tree is not None
    assert [each.input_text for each in tree.nodes] == ["sealed"]


def test_a_cursor_names_no_response(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.made(key=KEY)
    shelf.made("shown", AT - 1)
    page = shelf.page(limit=1)
    assert [each.input_text for each in page.rows] == ["shown"]
    assert page.next is None


def test_a_response_that_waits_or_runs_is_listed(shelf: Shelf) -> None:
    waiting = shelf.waiting(AT + 1)
    sealed = shelf.waiting(AT + 2, key=KEY)
    assert shelf.ids() == [waiting.response.id]
    assert shelf.ids(KEY) == [sealed.response.id, waiting.response.id]
    (row,) = shelf.page(statuses=frozenset({"queued"})).rows
    assert (row.status, row.model, row.input_text) == ("queued", "gpt-5-mini", "do it")
    assert shelf.page(KEY).rows[0].input_text == "do it"


def test_what_is_large_is_listed_without_its_texts(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = "".join(f"{number:x}" for number in range(60_000))
    kept = shelf.made(noise, metadata={"team": "a"})
    monkeypatch.setattr("app.store.listings.redis.WHOLE_BYTES", 1000)
    monkeypatch.setattr("app.store.listings.peeking.MOST_BYTES", 1000)
    (row,) = shelf.page(metadata={"team": "a"}).rows
    assert (row.id, row.model, row.input_text) == (kept.response.id, "gpt-5-mini", None)
    monkeypatch.setattr("app.store.listings.peeking.MOST_BYTES", 10)
    shelf.made(noise)
    waiting = shelf.waiting()
    assert {each.model for each in shelf.page(statuses=frozenset({"queued"})).rows} == {None}
    assert shelf.ids(statuses=frozenset({"queued"})) == [waiting.response.id]


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_what_would_become_large_is_listed_without_its_texts(
    shelf: Shelf, key: ContentKey | None
) -> None:
    long = "what was said " * 100_000  # of which Redis has nearly nothing
    kept = shelf.made(long, key=key)
    (row,) = shelf.page(key).rows
    assert (row.id, row.model, row.input_text) == (kept.response.id, "gpt-5-mini", None)
    made = Conversation(new_id("conv", new_tag()), AT, {})
    stem = made.id.removeprefix("conv_")
    items = (question(long, f"msg_{stem}0123456789"),)
    shelf.conversations.create(ACCOUNT, made, items, key=key)
    tree = shelf.lists.tree(ACCOUNT, made.id, key)
    assert tree is not None
    assert [(each.id, each.input_text) for each in tree.nodes] == [(f"items_{stem}", None)]


def test_what_has_large_instructions_is_listed_by_its_id(shelf: Shelf) -> None:
    shown = echo(CreateRequest(model="m", input=(), parameters=Parameters(instructions=LONGEST)))
    kept = shelf.made(echo=shown)
    (row,) = shelf.page().rows
    assert (row.id, row.status, row.model) == (kept.response.id, "completed", None)


def test_conversations_are_listed_newest_first(shelf: Shelf) -> None:
    made = [
        Conversation(new_id("conv", new_tag()), AT + number, {"n": str(number)})
        for number in range(3)
    ]
    for each in made:
        shelf.conversations.create(ACCOUNT, each, ())
    sealed = Conversation(new_id("conv", new_tag()), AT + 9, {"n": "sealed"})
    shelf.conversations.create(ACCOUNT, sealed, (), key=KEY)
    shelf.made()  # a conversation without an id
    query = ListQuery(20)
    assert list(shelf.lists.conversations(ACCOUNT, query).rows) == made[::-1]
    assert shelf.lists.conversations(ACCOUNT, query, KEY).rows[0] == replace(
        sealed, is_encrypted=True
    )
    found = shelf.lists.conversations(ACCOUNT, ListQuery(20, metadata={"n": "1"}))
    assert list(found.rows) == [made[1]]
    shelf.conversations.delete(ACCOUNT, made[0].id)
    assert list(shelf.lists.conversations(ACCOUNT, query).rows) == made[:0:-1]
    assert shelf.lists.conversations(STRANGER, query).rows == ()


def nodes_of(shelf: Shelf, any_id: str) -> dict[str, str | None]:
    """Return the parent of each node, by its id."""
    tree = shelf.lists.tree(ACCOUNT, any_id)
    assert tree is not None
    return {each.id: each.parent for each in tree.nodes}


def test_a_conversation_is_a_tree_with_its_forks(shelf: Shelf) -> None:
    first, second, third = chain(shelf.responses, 3)
    fork = continued(shelf.responses, first, "fork")
    twig = continued(shelf.responses, fork, "twig")
    other = continued(shelf.responses, fork, "other")
    a, b, c, d, e, f = (each.response.id for each in (first, second, third, fork, twig, other))
    expected = {a: None, b: a, c: b, d: a, e: d, f: d}
    assert nodes_of(shelf, a) == nodes_of(shelf, f) == expected
    tree = shelf.lists.tree(ACCOUNT, c)
    assert tree is not None
    assert (tree.id, tree.conversation, tree.is_cut) == (c, None, False)
    assert tree.nodes[0].input_text == "turn 0"


def test_a_deleted_turn_is_a_place_in_the_tree_where_something_continues_it(shelf: Shelf) -> None:
    first, second, third = chain(shelf.responses, 3)
    leaf = continued(shelf.responses, first, "leaf")
    for each in (second, leaf):
        shelf.responses.delete(ACCOUNT, each.response.id)
    a, b, c = (each.response.id for each in (first, second, third))
    assert nodes_of(shelf, a) == {a: None, b: a, c: b}
    assert shelf.lists.tree(ACCOUNT, b) is None
    tree = shelf.lists.tree(ACCOUNT, a)
    assert tree is not None
    gone = [each for each in tree.nodes if each.is_gone]
    assert [(each.id, each.summary, each.input_text) for each in gone] == [(b, None, None)]
    list(shelf.archive.purge(2**40))
    assert nodes_of(shelf, a) == {a: None, b: a, c: b}


def test_a_response_that_waits_is_a_node_behind_what_it_continues(shelf: Shelf) -> None:
    first = saved(shelf.responses)
    position = shelf.responses.context(ACCOUNT, first.response.id).position
    made = turn("go on", response_id=next_id(first.response.id), parent=position, status="queued")
    assert shelf.jobs.enqueue(payload_of(made), 10)
    assert nodes_of(shelf, first.response.id) == {
        first.response.id: None,
        made.response.id: first.response.id,
    }
    assert nodes_of(shelf, made.response.id)


def test_the_tree_of_a_conversation_with_an_id_has_its_items_and_its_writers(shelf: Shelf) -> None:
    made = Conversation(new_id("conv", new_tag()), AT, {})
    tag = tag_of(made.id)
    assert tag is not None
    stem = made.id.replace("conv_", "")
    items = (question("given", f"msg_{stem}0123456789"),)
    shelf.conversations.create(ACCOUNT, made, items)
    root = Position("0", 0)
    ids = [new_id("resp", tag) for _ in range(2)]
    for text, response_id in zip(("one", "two"), ids, strict=True):  # two that saw the same
        both = turn(text, response_id=response_id, parent=root)
        shelf.responses.save(replace(both, conversation=made.id))
    third = turn("three", response_id=new_id("resp", tag), parent=Position("0", 2))
    shelf.responses.save(replace(third, conversation=made.id))
    alone = f"items_{stem}"
    expected = {alone: None, ids[0]: alone, ids[1]: alone, third.response.id: ids[1]}
    assert nodes_of(shelf, made.id) == nodes_of(shelf, ids[0]) == expected
    tree = shelf.lists.tree(ACCOUNT, made.id)
    assert tree is not None
    assert tree.conversation == made.id
    assert {each.id: each.input_text for each in tree.nodes}[alone] == "given"
    shelf.conversations.remove_item(ACCOUNT, made.id, items[0].id)
    tree = shelf.lists.tree(ACCOUNT, made.id)
    assert tree is not None
    assert {each.id: each.input_text for each in tree.nodes}[alone] is None
    assert shelf.lists.tree(STRANGER, made.id) is None
    shelf.conversations.delete(ACCOUNT, made.id)
    assert shelf.lists.tree(ACCOUNT, made.id) is None
    assert nodes_of(shelf, ids[0]) == expected
    tree = shelf.lists.tree(ACCOUNT, ids[0])
    assert tree is not None
    assert tree.conversation is None
    assert [each.id for each in tree.nodes if each.is_gone] == [alone]


def test_a_large_tree_is_cut_and_keeps_what_was_wanted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = chain(shelf.responses, 6)
    first, last = turns[0].response.id, turns[-1].response.id
    monkeypatch.setattr("app.store.listings.trees.MOST_NODES", 3)
    tree = shelf.lists.tree(ACCOUNT, first)
    assert tree is not None
    assert tree.is_cut
    assert {each.id for each in tree.nodes} == {first, turns[-2].response.id, last}
    monkeypatch.setattr("app.store.listings.trees.MOST_FIELDS", 5)
    tree = shelf.lists.tree(ACCOUNT, last)
    assert tree is not None
    assert (tree.is_cut, [each.id for each in tree.nodes]) == (True, [last])


def test_what_waits_and_runs_of_an_account_is_listed(shelf: Shelf) -> None:
    jobs = [shelf.waiting(AT + number) for number in range(4)]
    taken = [shelf.jobs.take() for _ in range(2)]
    shelf.waiting(account=STRANGER)
    claims = [shelf.jobs.claim(each, "me") for each in taken if each]
    parked = next(each for each in claims if each and each.response_id == jobs[1].response.id)
    assert shelf.jobs.park(parked, RetryState(1.0, 2.0), 60)
    found = shelf.lists.pending(ACCOUNT)
    assert [
        (each.summary.id, each.kind, each.state, each.summary.status, each.queue_position)
        for each in found.rows
    ] == [
        (jobs[0].response.id, "background", "running", "in_progress", None),
        (jobs[1].response.id, "background", "parked", "in_progress", None),
        (jobs[2].response.id, "background", "waiting", "queued", 1),
        (jobs[3].response.id, "background", "waiting", "queued", 2),
    ]
    assert found.rows[0].summary.input_text == "do it"
    running_job = claims[0]
    assert running_job is not None
    assert shelf.jobs.finish(running_job, ended(jobs[0]), Flush(0, ()))
    assert jobs[0].response.id not in {
        each.summary.id for each in shelf.lists.pending(ACCOUNT).rows
    }


def test_streams_that_run_are_listed_to_their_account(shelf: Shelf) -> None:
    own = shelf.streamed()
    shelf.streamed(account=STRANGER)
    found = shelf.lists.pending(ACCOUNT)
    assert [(each.summary.id, each.kind, each.state) for each in found.rows] == [
        (own.response.id, "stream", "running")
    ]


def test_an_encrypted_job_is_listed_to_its_key_alone(shelf: Shelf) -> None:
    sealed = shelf.waiting(key=KEY)
    assert shelf.lists.pending(ACCOUNT).rows == shelf.lists.pending(ACCOUNT, ANOTHER).rows == ()
    (row,) = shelf.lists.pending(ACCOUNT, KEY).rows
    assert (row.summary.id, row.summary.input_text) == (sealed.response.id, "do it")


def test_more_jobs_than_are_listed_are_said_to_be_there(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.listings.pending.MOST_PENDING", 2)
    for number in range(3):
        shelf.waiting(AT + number)
    found = shelf.lists.pending(ACCOUNT)
    assert (len(found.rows), found.is_cut) == (2, True)


@pytest.fixture
def single(redis_url: str) -> Iterator[Shelf]:
    with connect(RedisSettings(url=redis_url)) as client:
        shelf = Shelf(client)
        shelf.made()
        shelf.page()  # the programs are known from here on
        yield shelf


def test_lists_cost_two_round_trips(single: Shelf) -> None:
    turns = chain(single.responses, 30)
    single.lists.tree(ACCOUNT, turns[0].response.id)
    single.waiting()
    single.lists.pending(ACCOUNT)
    for look in (
        lambda: single.page(),
        lambda: single.lists.tree(ACCOUNT, turns[0].response.id),
        lambda: single.lists.pending(ACCOUNT),
        lambda: single.lists.conversations(ACCOUNT, ListQuery(20)),
    ):
        with counted() as traffic:
            look()
        assert traffic.round_trips <= 2


def test_what_is_long_is_looked_at_by_a_few_at_once(
    single: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain(single.responses, 25)
    looked_at: list[int] = []
    peek = Peeking.peek

    def peeking(self: Peeking, account: str, ids: Sequence[str], *more: Any) -> Peeked:
        looked_at.append(len(ids))
        return Peeked(peek(self, account, ids, *more).summaries, 1_000_000 * len(ids))

    monkeypatch.setattr(Peeking, "peek", peeking)
    assert len(single.page(limit=26).rows) == 26
    assert looked_at == [20, 6]
    assert len(single.page(limit=100).rows) == 26
    assert looked_at[2:] == [20, 6]
    looked_at.clear()
    monkeypatch.setattr("app.store.listings.walk.BYTES_AT_ONCE", 2_000_000)
    assert len(single.page(limit=100).rows) == 26
    assert looked_at == [20, 2, 2, 2]


def test_a_list_of_ten_thousand_costs_no_more_and_a_search_through_a_thousand_a_dozen(
    single: Shelf,
) -> None:
    key = f"{single.prefix}responses:{ACCOUNT}"
    kept = [single.made(str(number), AT - number).response.id for number in range(1_100)]
    single.client.zadd(key, {new_id("resp", new_tag()): AT - 5_000 - n for n in range(8_900)})
    assert single.ids()[2:] == kept[1:19]  # the first came at the same time
    with counted() as traffic:
        single.page()
    assert traffic.round_trips == 2
    with counted() as traffic:
        page = single.page(metadata={"nothing": "has it"})
    assert (page.examined, page.is_cut) == (MOST_EXAMINED, True)
    assert traffic.round_trips <= 12


def test_to_list_a_response_costs_its_save_no_round_trip(single: Shelf) -> None:
    kept = saved(single.responses)
    position = single.responses.context(ACCOUNT, kept.response.id).position
    later = turn("b", response_id=next_id(kept.response.id), parent=position)
    for each in (turn("a"), later):
        with counted() as traffic:
            single.responses.save(each)
        assert traffic.round_trips == 1


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client:
        lists = RedisListings(client, "rg:")
        for look in (
            lambda: lists.responses(ACCOUNT, ListQuery(1)),
            lambda: lists.conversations(ACCOUNT, ListQuery(1)),
            lambda: lists.pending(ACCOUNT),
            lambda: lists.tree(ACCOUNT, new_id("resp", new_tag())),
        ):
            with pytest.raises(StorageUnavailable):
                look()


def test_what_an_earlier_release_has_stored_is_listed_once_it_was_entered(shelf: Shelf) -> None:
    first, second, third = chain(shelf.responses, 3)
    waiting, alone = shelf.waiting(), shelf.made()
    conversation = Conversation(new_id("conv", new_tag()), AT, {})
    shelf.conversations.create(ACCOUNT, conversation, ())
    shelf.responses.delete(ACCOUNT, second.response.id)
    for name in ("responses", "named"):
        shelf.client.delete(f"{shelf.prefix}{name}:{ACCOUNT}")
    assert shelf.ids() == []
    assert sum(shelf.lists.relist(ACCOUNT)) == 4
    assert set(shelf.ids()) == {each.response.id for each in (first, third, waiting, alone)}
    assert shelf.page().examined == 4
    assert list(shelf.lists.conversations(ACCOUNT, ListQuery(5)).rows) == [conversation]


def test_others_run_while_a_tree_is_read(single: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.listings.trees.AT_ONCE", 2)
    pauses: list[bool] = []
    lists = RedisListings(single.client, single.prefix, lambda: pauses.append(True))
    assert lists.tree(ACCOUNT, chain(single.responses, 6)[0].response.id)
    assert len(pauses) == 3
