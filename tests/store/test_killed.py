"""Wherever a process that removes something is killed, another removes the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from app.domain.ids import tag_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.conversations.redis import RedisConversationStore
from app.store.idempotency.redis import RedisIdempotencyStore
from app.store.jobs.base import Claim, Flush
from app.store.jobs.redis import RedisJobStore
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from app.store.retention.redis import AGAIN_S, PLACES_S, RedisRetention
from app.store.retention.search import RedisPurgeSearch
from tests.ids import item_minter, new_id, new_tag
from tests.store.ageing import LATER, LONG_AGO, continued_for, expire, kept_for
from tests.store.kills import kills
from tests.store.servers import everything
from tests.store.turns import ACCOUNT, AT, WRAPPING, payload_of, purged, question, turn

HASH = "5f" * 16


class Bench:
    """The stores of one gateway on a Redis that is emptied; `at` is what their clock shows."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.at = float(LATER)
        self.store = RedisStore(client, "rg:", now=lambda: self.at)
        self.jobs = RedisJobStore(client, "rg:", self.store, 0, WRAPPING)
        self.archive = RedisArchive(client, "rg:")
        self.conversations = RedisConversationStore(client, "rg:", now=lambda: self.at)
        self.retention = RedisRetention(client, "rg:", now=lambda: self.at)
        self.search = RedisPurgeSearch(client, "rg:", now=lambda: self.at)

    def anew(self) -> None:
        self.client.flushall()
        self.at = float(LATER)

    def kept(self) -> Turn:
        """Return a stored response of an end user, with an item that its client has named."""
        made = kept_for(1, given=(question("secret", "msg_theirs"),))
        made = replace(made, user_hash=HASH)
        self.store.save(made)
        return made

    def deleted(self) -> str:
        response_id = self.kept().response.id
        self.store.delete(ACCOUNT, response_id)
        return response_id

    def begun(self, expires_at: int | None = None) -> str:
        conversation_id = new_id("conv", new_tag())
        mint = item_minter(conversation_id.replace("conv_", "resp_", 1))
        made = Conversation(conversation_id, AT, {"about": "secret"})
        items = (question("secret", mint("msg")),)
        self.conversations.create(ACCOUNT, made, items, expires_at)
        return conversation_id

    def sweep(self) -> None:
        found = self.retention.due("me", 100)
        assert found is not None
        gone = [(each, self.retention.purge(each, only_due=True)) for each in found.ids]
        for each, result in gone:
            if result is None:
                self.retention.postpone(each)
        self.retention.settle([result for _, result in gone if result is not None])

    def left(self) -> bytes:
        """Return all that Redis holds but for what a sweep notes for itself."""
        for name in ("rg:{expiring}:lease", "rg:{expiring}:since", f"rg:stored:{ACCOUNT}"):
            self.client.delete(name)
        return everything(self.client)


@pytest.fixture(params=["single", "cluster"])
def bench(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Bench]:
    with connect(RedisSettings(url=urls[request.param])) as client:
        yield Bench(client)


def swept(bench: Bench) -> None:
    """Sweep what is due now, and a day later."""
    for at in (LONG_AGO + 60.0, LONG_AGO + float(PLACES_S), LONG_AGO + 2.0 * PLACES_S):
        bench.at = at
        bench.sweep()


def test_a_sweep_of_responses(bench: Bench) -> None:
    made = list[str]()

    def prepare() -> Callable[[], object]:
        bench.anew()
        continued_for(bench.store, bench.kept(), "secret")
        made[:] = sorted(str(each, "ascii") for each in bench.client.zrange("rg:{expiring}", 0, -1))
        for each in made:
            expire(bench.client, each)
        bench.at = LONG_AGO + 60.0
        return bench.sweep

    for after in kills(prepare):
        swept(bench)
        assert sorted(bench.retention.unlogged(100)) == made, after
        bench.retention.log_erased(set(made))
        assert bench.left() == b"", after


def test_a_sweep_of_a_conversation(bench: Bench) -> None:
    def prepare() -> Callable[[], object]:
        bench.anew()
        bench.begun(expires_at=LATER)
        for each in bench.client.zrange("rg:{expiring}", 0, -1):
            expire(bench.client, str(each, "ascii"))
        bench.at = LONG_AGO + 60.0
        return bench.sweep

    for after in kills(prepare):
        swept(bench)
        assert bench.left() == b"", after


def test_a_purge_of_a_deleted_conversation(bench: Bench) -> None:
    def prepare() -> Callable[[], object]:
        bench.anew()
        bench.conversations.delete(ACCOUNT, bench.begun())
        return lambda: purged(bench.archive, LATER + 1)

    for after in kills(prepare):
        purged(bench.archive, LATER + 1)
        assert bench.left() == b"", after


def test_a_purge_of_a_deleted_response(bench: Bench) -> None:
    def prepare() -> Callable[[], object]:
        bench.anew()
        bench.deleted()
        return lambda: purged(bench.archive, LATER + 1)

    for after in kills(prepare):
        purged(bench.archive, LATER + 1)
        for name in (f"user:{ACCOUNT}:{HASH}", f"responses:{ACCOUNT}", f"homes:{ACCOUNT}"):
            assert not bench.client.exists(f"rg:{name}"), (after, name)
        assert len(bench.retention.unlogged(100)) == 1


def test_a_deletion_of_a_conversation(bench: Bench) -> None:
    begun = list[str]()

    def prepare() -> Callable[[], object]:
        bench.anew()
        begun[:] = [bench.begun()]
        return lambda: bench.conversations.delete(ACCOUNT, begun[0])

    for after in kills(prepare):
        with suppress(NotFound):  # it is deleted
            bench.conversations.delete(ACCOUNT, begun[0])
        purged(bench.archive, LATER + 1)
        assert bench.left() == b"", after


def test_forgetting_copies(bench: Bench) -> None:
    keys = RedisIdempotencyStore(bench.client, "rg:", 30)

    def prepare() -> Callable[[], object]:
        bench.anew()
        for name in ("one", "two"):
            keys.begin(ACCOUNT, name, b"digest", "me")
            keys.finish(ACCOUNT, name, "me", b"secret", "resp_1")
        return lambda: keys.forget(ACCOUNT, ["resp_1"])

    for after in kills(prepare):
        keys.forget(ACCOUNT, ["resp_1"])
        assert bench.left() == b"", after


def test_an_erasure(bench: Bench) -> None:
    def prepare() -> Callable[[], object]:
        bench.anew()
        bench.kept()
        bench.deleted()
        bench.begun(LATER)
        return lambda: list(bench.archive.erase(ACCOUNT, lambda _: None))

    for after in kills(prepare):
        list(bench.archive.erase(ACCOUNT, lambda _: None))
        purged(bench.archive, LATER + 1)
        bench.client.delete("rg:{expiring}")  # a sweep forgets what it does not find
        assert bench.left() == b"", after


def operator_purges(bench: Bench, *, by_user: bool) -> None:
    """Purge as `responses purge` does, but with no copies elsewhere."""
    found = (
        bench.search.of_user(ACCOUNT, "user-4711", HASH, is_to_purge=True)
        if by_user
        else bench.search.created_before(ACCOUNT, LATER + 1)
    )
    gone = [bench.retention.purge(each.any_id, only_due=False) for each in found]
    bench.retention.settle([each for each in gone if each is not None])


@pytest.mark.parametrize("by_user", [True, False], ids=["user", "age"])
def test_an_operators_purge(bench: Bench, by_user: bool) -> None:
    made = list[str]()

    def prepare() -> Callable[[], object]:
        bench.anew()
        made[:] = [bench.kept().response.id]
        if not by_user:
            bench.begun()
        return lambda: operator_purges(bench, by_user=by_user)

    for after in kills(prepare):
        operator_purges(bench, by_user=by_user)
        assert b"secret" not in bench.left()
        bench.at += AGAIN_S
        for each in bench.client.zrange("rg:{expiring}", 0, -1):
            bench.client.zadd("rg:{expiring}", {each: LONG_AGO})
        bench.sweep()
        assert bench.retention.unlogged(100) == set(made), after
        bench.retention.log_erased(set(made))
        bench.at += PLACES_S + AGAIN_S
        for each in bench.client.zrange("rg:{expiring}", 0, -1):
            bench.client.zadd("rg:{expiring}", {each: LONG_AGO})
        bench.sweep()
        assert bench.left() == b"", after


def test_a_job_that_is_queued(bench: Bench) -> None:
    """Its process is killed: a sweep ends it, and an operator finds what it has stored."""
    waiting = list[Turn]()

    def prepare() -> Callable[[], object]:
        bench.anew()
        made = turn("secret")
        made = replace(made, response=replace(made.response, status="queued"), user_hash=HASH)
        waiting[:] = [made]
        payload = replace(payload_of(made), user_hash=HASH)
        return lambda: bench.jobs.enqueue(payload, 10)

    for after in kills(prepare):
        (made,) = waiting
        for each in bench.jobs.lost():
            claim = bench.jobs.settle_lost(each)
            if isinstance(claim, Claim):
                ended = replace(made, response=replace(made.response, status="failed"))
                assert bench.jobs.finish(claim, ended, Flush(claim.event_count, ()))
        if bench.client.exists(f"rg:{{{tag_of(made.response.id)}}}"):
            assert bench.archive.conversations(ACCOUNT) == 1, after
            if bench.jobs.status(ACCOUNT, made.response.id) is None:
                assert [each.any_id for each in bench.search.of_user(ACCOUNT, "", HASH)] == [
                    made.response.id
                ], after
