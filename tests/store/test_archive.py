"""What an operator does with stored responses, on a single Redis and on a Cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from app.domain.ids import tag_of
from app.domain.request import CreateRequest, Parameters
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.schemas.wire.echo import echo
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.settings import RedisSettings
from app.store.connection.checks import servers
from app.store.connection.client import Client, connect
from app.store.responses.archive_redis import AT_ONCE, RedisArchive
from app.store.responses.redis import RedisStore
from tests.processes import until
from tests.redis_server import running
from tests.store.servers import everything
from tests.store.turns import (
    ACCOUNT,
    STRANGER,
    Clock,
    chain,
    continued,
    first_id,
    left_by,
    next_id,
    purged,
    question,
    rich,
    saved,
    turn,
)

DAY = 86_400


@pytest.fixture(params=["single", "cluster"])
def client(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Client]:
    """A client of an empty Redis."""
    with connect(RedisSettings(url=urls[request.param])) as client:
        client.flushall()
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(client: Client, clock: Clock) -> RedisStore:
    return RedisStore(client, "rg:", now=clock)


@pytest.fixture
def archive(client: Client) -> RedisArchive:
    return RedisArchive(client, "rg:")


def ids(*turns: Turn) -> list[str]:
    return [each.response.id for each in turns]


# looking


def test_every_response_of_an_account_is_seen(store: RedisStore, archive: RedisArchive) -> None:
    turns = chain(store, 3)
    fork = continued(store, turns[0])
    alone = saved(store)
    saved(store, account=STRANGER)
    seen = [found.turn for each in archive.responses(ACCOUNT) for found in each]
    assert sorted(map(repr, seen)) == sorted(map(repr, [*turns, fork, alone]))


def test_a_conversation_is_seen_whole_and_in_order(
    store: RedisStore, archive: RedisArchive
) -> None:
    turns = chain(store, AT_ONCE + 1)
    (seen,) = archive.responses(ACCOUNT)
    assert [found.response_id for found in seen] == ids(*turns)


def test_conversations_are_seen_oldest_first(store: RedisStore, archive: RedisArchive) -> None:
    turns = [
        replace(each, response=replace(each.response, created_at=created_at))
        for created_at in (3, 1, 2)
        for each in [turn()]
    ]
    for each in turns:
        store.save(each)
    seen = [found.response_id for each in archive.responses(ACCOUNT) for found in each]
    assert seen == ids(turns[1], turns[2], turns[0])


def test_an_accounts_conversations_are_counted(store: RedisStore, archive: RedisArchive) -> None:
    chain(store, 2)
    saved(store)
    saved(store, account=STRANGER)
    assert archive.conversations(ACCOUNT) == 2


def test_more_conversations_are_seen_than_are_read_at_once(
    store: RedisStore, archive: RedisArchive
) -> None:
    turns = [saved(store) for _ in range(AT_ONCE + 1)]
    seen = [found.response_id for each in archive.responses(ACCOUNT) for found in each]
    assert sorted(seen) == sorted(ids(*turns))


def test_what_still_runs_is_not_seen_yet(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    kept = saved(store)
    index = f"rg:{{{tag_of(kept.response.id)}}}"
    client.hset(index, next_id(kept.response.id), "in_progress:0:-1:")
    (seen,) = archive.responses(ACCOUNT)
    assert [found.response_id for found in seen] == ids(kept)


def test_a_turn_that_comes_while_others_are_read_is_not_seen_yet(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    kept = saved(store)
    client.rpush(f"rg:{{{tag_of(kept.response.id)}}}:0", "what the index does not know")
    (seen,) = archive.responses(ACCOUNT)
    assert [found.response_id for found in seen] == ids(kept)


def test_an_export_has_all_of_a_response(store: RedisStore, archive: RedisArchive) -> None:
    kept = saved(store)
    ((found,),) = archive.responses(ACCOUNT)
    assert found.json() == {
        "id": kept.response.id,
        "account": ACCOUNT,
        "status": "completed",
        "deleted_at": None,
        "response": RESPONSE.dump(kept.response),
        "input": ITEM.dump_all(kept.input),
        "include": [],
    }


def test_an_export_tells_what_was_deleted_when(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    kept = saved(store)
    store.delete(ACCOUNT, kept.response.id)
    ((found,),) = archive.responses(ACCOUNT)
    assert found.json()["deleted_at"] == clock.at


def test_an_export_tells_what_was_purged(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    kept = saved(store)
    store.delete(ACCOUNT, kept.response.id)
    assert purged(archive, int(clock.at) + 1) == ids(kept)
    ((found,),) = archive.responses(ACCOUNT)
    assert found.json() == {
        "id": kept.response.id,
        "account": ACCOUNT,
        "status": "completed",
        "deleted_at": clock.at,
        "purged": True,
    }


def test_a_response_is_found_whoevers_it_is(store: RedisStore, archive: RedisArchive) -> None:
    root = saved(store, account=STRANGER)
    continued(store, root)
    fork = continued(store, root)
    found = archive.find(fork.response.id)
    assert found
    assert (found.account, found.status, found.turn) == (STRANGER, "completed", fork)


def test_a_response_that_still_runs_is_found_without_its_turn(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    kept = saved(store)
    running = next_id(kept.response.id)
    client.hset(f"rg:{{{tag_of(running)}}}", running, "in_progress:0:-1:")
    found = archive.find(running)
    assert found
    assert (found.status, found.turn, found.is_purged) == ("in_progress", None, False)
    assert found.json().keys() == {"id", "account", "status", "deleted_at"}


def test_a_purged_response_is_found_as_its_tombstone(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    kept = saved(store)
    deleted(store, kept)
    purged(archive, int(clock.at) + 1)
    found = archive.find(kept.response.id)
    assert found
    assert (found.deleted_at, found.turn, found.is_purged) == (clock.at, None, True)


@pytest.mark.parametrize("unknown", ["resp_1", first_id()], ids=["short", "well-made"])
def test_what_was_never_stored_is_not_found(archive: RedisArchive, unknown: str) -> None:
    assert archive.find(unknown) is None


# purging


def events_of(kept: Turn) -> str:
    return f"rg:{{{tag_of(kept.response.id)}}}:events:{kept.response.id}"


def deleted(store: RedisStore, *turns: Turn) -> None:
    for response_id in ids(*turns):
        store.delete(ACCOUNT, response_id)


def test_nothing_of_a_purged_text_is_left(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    secret = saved(store, "my secret", given=(question("my secret", "msg_my_secret"),))
    client.xadd(events_of(secret), {"d": "my secret, told bit by bit"})
    before = everything(client)
    deleted(store, secret)
    purged(archive, int(clock.at) + 1)
    assert (b"secret" in before, b"secret" in everything(client)) == (True, False)


def secretive(store: RedisStore, length: int) -> list[Turn]:
    """Return a chain whose turns were all asked with the same long, secret instructions."""
    sent_by = echo(
        CreateRequest(
            model="m", input=(), parameters=Parameters(instructions="my secret rules " * 40)
        )
    )
    turns = [saved(store, echo=sent_by)]
    while len(turns) < length:
        turns.append(continued(store, turns[-1], echo=sent_by))
    return turns


def test_a_purged_turn_still_counts_among_those_of_its_context(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    first = saved(store, "one")
    gone = continued(store, first, "two")
    last = continued(store, gone, "three")
    deleted(store, gone)
    purged(archive, int(clock.at) + 1)
    kept, sent_with = len(left_by(first)), len(first.input)
    context = store.context(ACCOUNT, last.response.id)
    assert context.inputs == (
        range(sent_with),
        range(kept, kept),
        range(kept, kept + len(last.input)),
    )
    assert context.purged == {1}


def test_nothing_is_left_of_instructions_that_only_purged_turns_had(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    turns = secretive(store, 4)
    store.save(turns[-1])
    before = everything(client)
    deleted(store, *turns)
    purged(archive, int(clock.at) + 1)
    purged(archive, int(clock.at) + 1)
    assert (b"secret" in before, b"secret" in everything(client)) == (True, False)


def test_instructions_that_a_living_turn_has_survive_a_purge(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    *others, last = secretive(store, 4)
    deleted(store, *others)
    purged(archive, int(clock.at) + 1)
    assert store.get(ACCOUNT, last.response.id) == last


def test_an_export_has_instructions_wherever_they_are_kept(
    store: RedisStore, archive: RedisArchive
) -> None:
    turns = secretive(store, 3)
    (seen,) = archive.responses(ACCOUNT)
    assert [found.turn for found in seen] == turns


def test_a_purged_response_stays_unknown(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    kept = saved(store)
    deleted(store, kept)
    purged(archive, int(clock.at) + 1)
    with pytest.raises(NotFound):
        store.get(ACCOUNT, kept.response.id)
    assert store.items(ACCOUNT, [kept.input[0].id]) == {}


def test_turns_that_continue_a_purged_one_lose_its_items_only(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    a, b, c = chain(store, 3)
    fork = continued(store, b)
    deleted(store, b)
    purged(archive, int(clock.at) + 1)
    later = continued(store, fork)
    assert store.context(ACCOUNT, c.response.id).items == left_by(a, c)
    assert store.context(ACCOUNT, later.response.id).items == left_by(a, fork, later)


def test_a_page_leaves_out_what_was_purged(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    a, b, c = chain(store, 3)
    deleted(store, b)
    purged(archive, int(clock.at) + 1)
    found = store.input_items(ACCOUNT, c.response.id, PageQuery(order="asc", limit=10))
    assert found.items == left_by(a) + c.input


def test_only_what_was_deleted_before_is_purged(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    old, new, live = (saved(store) for _ in range(3))
    deleted(store, old)
    clock.at += DAY
    deleted(store, new)
    assert archive.purgeable(int(clock.at)) == 1
    assert purged(archive, int(clock.at)) == ids(old)
    assert store.get(ACCOUNT, live.response.id) == live


def test_the_record_knows_better_than_the_mark_when_it_was_deleted(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    kept = saved(store)
    deleted(store, kept)
    client.zadd("rg:deleted", {kept.response.id: clock.at - DAY})
    assert purged(archive, int(clock.at)) == []


def test_a_purge_that_was_stopped_can_be_started_again(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    turns = [saved(store) for _ in range(5)]
    deleted(store, *turns)
    first = [each.any_id for each in islice(archive.purge(int(clock.at) + 1), 2)]
    rest = purged(archive, int(clock.at) + 1)
    # The last before the stop is looked at again: copies of it may be left.
    assert sorted({*first, *rest}) == sorted(ids(*turns))


def test_a_second_purge_finds_nothing(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    deleted(store, saved(store))
    purged(archive, int(clock.at) + 1)
    assert purged(archive, int(clock.at) + 1) == []


def test_a_deletion_that_is_just_happening_is_left_alone(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    happening, done = saved(store), saved(store)
    client.zadd("rg:deleted", {happening.response.id: clock.at - DAY})
    deleted(store, done)
    assert purged(archive, int(clock.at) + 1) == ids(done)
    assert archive.purgeable(int(clock.at) + 1) == 1


def test_a_clients_id_that_lives_on_elsewhere_is_still_found(
    store: RedisStore, archive: RedisArchive, clock: Clock
) -> None:
    first = saved(store, given=(question("first", "msg_theirs"),))
    second = saved(store, given=(question("second", "msg_theirs"),))
    deleted(store, first)
    purged(archive, int(clock.at) + 1)
    assert store.items(ACCOUNT, ["msg_theirs"]) == {"msg_theirs": second.input[0]}


# erasing


def no_job(response_id: str) -> None:
    raise AssertionError(f"{response_id} has ended")


def test_what_runs_is_ended_before_it_is_erased(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    kept = saved(store)
    running = next_id(kept.response.id)
    index = f"rg:{{{tag_of(running)}}}"
    client.hset(index, running, "in_progress:0:-1:")
    ended = []

    def end(response_id: str) -> None:
        ended.append((response_id, client.hexists(index, response_id)))

    list(archive.erase(ACCOUNT, end))
    assert ended == [(running, True)]
    assert everything(client) == b""


def test_nothing_of_an_erased_account_is_left(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    turns = secretive(store, 3)
    continued(store, turns[0])
    theirs = saved(store, given=(question("x", "msg_theirs"),))
    client.xadd(events_of(theirs), {"d": "x"})
    deleted(store, turns[1])
    erased = list(archive.erase(ACCOUNT, no_job))
    assert sorted(erased) == sorted({str(tag_of(each)) for each in ids(turns[0], theirs)})
    assert everything(client) == b""


def test_other_accounts_survive_an_erasure(store: RedisStore, archive: RedisArchive) -> None:
    saved(store)
    other = saved(store, account=STRANGER)
    list(archive.erase(ACCOUNT, no_job))
    assert store.get(STRANGER, other.response.id) == other


def test_an_erasure_that_was_stopped_can_be_started_again(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    for _ in range(5):
        saved(store)
    next(archive.erase(ACCOUNT, no_job))
    assert len(list(archive.erase(ACCOUNT, no_job))) == 4
    assert everything(client) == b""


def test_an_answer_to_an_erased_parent_is_not_kept(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    kept = saved(store)
    position = store.context(ACCOUNT, kept.response.id).position
    list(archive.erase(ACCOUNT, no_job))
    with pytest.raises(NotFound):
        saved(store, response_id=kept.response.id, parent=position)
    assert everything(client) == b""


def test_what_an_interrupted_erasure_left_among_the_deleted_goes_with_the_next_purge(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    client.zadd("rg:deleted", {"resp_" + "0" * 48: clock.at})
    purged(archive, int(clock.at) + 1)
    assert everything(client) == b""


# how much is stored


def measured(client: Client) -> int:
    """Return the bytes of everything that the account's conversations hold."""
    total = 0
    for _, node in servers(client):
        for key in node.scan_iter("rg:{*}:*"):
            if node.hget(key[: key.index(b"}") + 1], "account") != ACCOUNT.encode():
                continue
            if key.endswith(b":common"):
                fields = node.hgetall(key).items()
                total += sum(len(value) for name, value in fields if name[:1] != b"#")
            else:
                total += sum(map(len, node.lrange(key, 0, -1)))
    return total


def test_what_is_stored_is_counted_to_the_byte(store: RedisStore, client: Client) -> None:
    again = rich().response.echo
    trunk = saved(store, echo=again)
    for _ in range(3):
        trunk = continued(store, trunk, "what is asked with again and again", echo=again)
    continued(store, trunk, "fork")
    continued(store, trunk, "fork")
    saved(store, account=STRANGER)
    assert store.stored_bytes(ACCOUNT) == measured(client)


def test_a_purge_gives_bytes_back(
    store: RedisStore, archive: RedisArchive, client: Client, clock: Clock
) -> None:
    again = rich().response.echo
    root = saved(store, echo=again)
    turns = [continued(store, root, echo=again) for _ in range(2)]
    deleted(store, root, turns[0])
    purged(archive, int(clock.at) + 1)
    assert store.stored_bytes(ACCOUNT) == measured(client)
    deleted(store, turns[1])
    purged(archive, int(clock.at) + 1)
    assert store.stored_bytes(ACCOUNT) == measured(client) == 0


def test_an_erasure_gives_bytes_back_as_it_goes(
    store: RedisStore, archive: RedisArchive, client: Client
) -> None:
    for _ in range(3):
        chain(store, 2)
    next(archive.erase(ACCOUNT, no_job))
    assert store.stored_bytes(ACCOUNT) == measured(client)


# its disk


def test_the_disk_forgets_what_was_purged(tmp_path: Path, clock: Clock) -> None:
    def on_disk() -> bool:
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        try:
            return any(b"msg_my_secret" in file.read_bytes() for file in files)
        except FileNotFoundError:  # Redis writes its files anew: looked at again
            return True

    with running("--appendonly", "yes", directory=tmp_path) as url:
        client = connect(RedisSettings(url=url))
        store, archive = RedisStore(client, "rg:", now=clock), RedisArchive(client, "rg:")
        secret = saved(store, given=(question("hush", "msg_my_secret"),))
        until(on_disk, "Redis to write")
        deleted(store, secret)
        purged(archive, int(clock.at) + 1)
        assert archive.rewrite()
        until(lambda: not on_disk(), "Redis to forget")


def test_a_redis_that_takes_snapshots_takes_another(tmp_path: Path) -> None:
    with (
        running("--save", "3600", "1000", directory=tmp_path) as url,
        connect(RedisSettings(url=url)) as client,
    ):
        assert RedisArchive(client, "rg:").rewrite()
        until((tmp_path / "dump.rdb").exists, "the snapshot")


def test_a_redis_may_refuse_to_write_its_files_anew(tmp_path: Path) -> None:
    with (
        running("--save", "60", "1", "--rename-command", "BGSAVE", "", directory=tmp_path) as url,
        connect(RedisSettings(url=url)) as client,
    ):
        assert not RedisArchive(client, "rg:").rewrite()


def test_a_redis_that_keeps_nothing_on_disk_has_nothing_to_forget(archive: RedisArchive) -> None:
    assert archive.rewrite()
