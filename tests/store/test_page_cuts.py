"""Conversations that are cut into pages wherever they can be: no item is lost, none comes twice.

What is long is so from a thousandth of its length on here, so that a small conversation is read as
one of hundreds of megabytes is.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Literal, NamedTuple

import pytest

from app.domain.ids import alone_id, tag_of
from app.domain.items import Item
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Position, Turn
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.script import LuaFolder, Script
from app.store.conversations.redis import RedisConversationStore
from app.store.responses import chains, scripts
from app.store.responses.redis import RedisStore
from tests.ids import item_minter, new_id, new_tag
from tests.store.turns import ACCOUNT, AT, pages, question, said, turn

Order = Literal["asc", "desc"]
Read = Callable[[PageQuery], Page]

_BOUNDS = "LONG, PAGE = 1048576, 16777216"
_prefixes = (f"cuts{number}:" for number in count())


class Listing(NamedTuple):
    """A list of items: how it is read page by page, and what it has, as a turn would see it."""

    read: Read
    ids: list[str]


class Builder:
    """A conversation of which nearly everything has happened that can."""

    def __init__(self, client: Any, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.client, self.prefix = client, next(_prefixes)
        self.responses = RedisStore(client, self.prefix)
        self.conversations = RedisConversationStore(client, self.prefix)
        self.id = new_id("conv", new_tag())
        self.tag = tag_of(self.id) or ""
        self.conversations.create(ACCOUNT, Conversation(self.id, AT, {}), ())
        self.turns: list[Turn] = []

    def text(self) -> str:
        """Return a text, long or short, in JSON or in Redis as well."""
        size = self.chance.choice([1, 100, 3000, 9000])
        if self.chance.random() < 0.3:
            return "a" * size
        return base64.b64encode(self.chance.randbytes(size)).decode()

    def items(self, mint: Callable[[str], str], most: int) -> tuple[Item, ...]:
        number = self.chance.randint(0 if most > 1 else 1, most)
        return tuple(question(self.text(), mint("msg")) for _ in range(number))

    def add_alone(self) -> None:
        """Add items that come by themselves."""
        stem = new_id("resp", self.tag)
        items = self.items(item_minter(stem), 1) + self.items(item_minter(stem), 3)
        self.conversations.append(ACCOUNT, self.id, alone_id(stem), items)

    def add_turn(self, parent: Position | None, *, is_listed: bool) -> None:
        """Add a turn that has seen what leads to a position; some have no items at all."""
        own_id = new_id("resp", self.tag)
        mint = item_minter(own_id)
        given = self.items(mint, 3)
        made = tuple(said(self.text(), mint("msg")) for _ in range(self.chance.randint(0, 2)))
        new = turn(response_id=own_id, given=given, made=made)
        conversation = self.id if is_listed else None
        self.turns.append(
            Turn(
                ACCOUNT,
                new.response,
                given,
                frozenset(),
                parent=parent,
                conversation=conversation,
            )
        )
        self.responses.save(self.turns[-1])

    def position(self) -> Position | None:
        """Return where the conversation ends, or did a moment ago: another writer was faster."""
        index = self.conversations.context(ACCOUNT, self.id).position
        depth = index.depth - self.chance.choice([0, 0, 1, 2]) if index else 0
        return Position("0", depth) if index and depth >= 0 else index

    def remove(self) -> None:
        """Take an item out."""
        items = self.conversations.context(ACCOUNT, self.id).items
        if items:
            self.conversations.remove_item(ACCOUNT, self.id, self.chance.choice(items).id)

    def empty(self) -> None:
        """Purge a turn, or let it expire."""
        index = f"{self.prefix}{{{self.tag}}}"
        at = self.chance.randrange(self.client.llen(f"{index}:0"))
        if self.chance.random() < 0.5:
            self.client.zadd(f"{index}:expiring", {f"0:{at}": 1})
        else:
            references = self.client.hget(index, "references") or b""
            at_log = dict(each.split(b"=") for each in references.split(b",") if each)
            other = at_log.get(b"%d" % at)
            self.client.lset(f"{index}:{(other or b'0').decode()}", 0 if other else at, b"")

    def fork(self) -> None:
        """Continue an early response beside the conversation, and that once more."""
        self.add_turn(Position("0", self.chance.randint(0, 3)), is_listed=False)

    def build(self) -> None:
        self.add_turn(Position("0", -1), is_listed=True)
        for _ in range(6):
            self.add_turn(self.position(), is_listed=True)
        steps = [self.add_alone, self.remove, self.fork]
        for _ in range(24):
            if self.chance.random() < 0.5:
                self.add_turn(self.position(), is_listed=True)
            else:
                self.chance.choice(steps)()
        for _ in range(5):
            self.empty()

    def listings(self) -> Iterator[Listing]:
        """Return the conversation's list, and those of some of its responses."""

        def read(query: PageQuery) -> Page:
            return self.conversations.items(ACCOUNT, self.id, query)

        seen = self.conversations.context(ACCOUNT, self.id)
        yield Listing(read, [item.id for item in seen.items])
        for each in self.turns[-5:]:
            yield from self.listing_of(each)

    def listing_of(self, each: Turn) -> Iterator[Listing]:
        own_id = each.response.id

        def read(query: PageQuery) -> Page:
            return self.responses.input_items(ACCOUNT, own_id, query)

        try:
            context = self.responses.context(ACCOUNT, own_id)
        except Exception:  # noqa: BLE001 - it was purged
            return
        made = {item.id for item in each.response.output}
        yield Listing(read, [item.id for item in context.items if item.id not in made])


@pytest.fixture(params=(0, 1, 4))
def built(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Builder]:
    with connect(RedisSettings(url=redis_url)) as client:
        builder = Builder(client, request.param)
        builder.build()
        yield builder


def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything be long that has a few thousand bytes."""
    text = LuaFolder(scripts.__file__)("chain")
    assert _BOUNDS in text
    short = text.replace(_BOUNDS, "LONG, PAGE = 1000, 12000")
    monkeypatch.setattr(chains, "CHAIN", Script(scripts.CONVERSATION, short))
    monkeypatch.setattr(chains, "PAGE_BYTES", 14_000)


def pages_before(read: Read, limit: int, before: str) -> Iterator[Page]:
    """Read back from an item as clients do: in front of the first item, while there is more."""
    while True:
        page = read(PageQuery("asc", limit, before=before))
        yield page
        if not page.has_more:
            return
        assert page.items
        before = page.first_id or ""


def ids(found: list[Page]) -> list[str]:
    return [item.id for page in found for item in page.items]


def test_pages_have_each_item_once(built: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    listings = list(built.listings())
    assert len(listings) > 1
    cut(monkeypatch)
    numbers = list[int]()
    for read, expected in listings:
        for order in ("asc", "desc"):
            wanted = expected if order == "asc" else expected[::-1]
            for limit in (2, 100):
                found = list(pages(read, order, limit))
                assert ids(found) == wanted
                assert max(len(page.items) for page in found) <= limit
            numbers.append(len(found))
    assert max(numbers) > 3  # they are cut


def test_pages_in_front_of_an_item_and_between_two_have_each_item_once(
    built: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = list(built.listings())
    cut(monkeypatch)
    for read, expected in listings:
        if len(expected) < 2:
            continue
        low, high = sorted(built.chance.sample(range(len(expected)), 2))
        for limit in (3, 100):
            back = list(pages_before(read, limit, expected[high]))
            assert ids(back[::-1]) == expected[:high]
        between = PageQuery("asc", 100, after=expected[low], before=expected[high])
        found = list[str]()
        while True:
            page = read(between)
            found += [item.id for item in page.items]
            if not page.has_more:
                break
            assert page.items
            between = PageQuery("asc", 100, after=page.last_id, before=expected[high])
        assert found == expected[low + 1 : high]


def test_a_context_is_the_same_however_it_is_read(
    built: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contexts() -> list[object]:
        found: list[object] = [built.conversations.context(ACCOUNT, built.id)]
        for each in built.turns:
            try:
                found.append(built.responses.context(ACCOUNT, each.response.id))
            except Exception as fault:  # noqa: BLE001 - of one that was purged that is what is compared
                found.append(repr(fault))
        return found

    whole = contexts()
    cut(monkeypatch)
    assert contexts() == whole
