"""A reply is lost after the server has done its work, and the command is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from app.domain.accounts.accounts import Account, AuditEntry
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.response import Usage
from app.settings import RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection import round_trip
from app.store.connection.client import connect
from app.store.jobs.base import Claim, Flush
from app.store.jobs.redis import RedisJobStore
from app.store.rate_limits.redis import RedisRateLimitStore
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from app.store.usage.redis import RedisUsageStore
from app.store.usage.request_log import RedisRequestLog
from tests.store.turns import (
    ACCOUNT,
    WRAPPING,
    continued,
    payload_of,
    purged,
    saved,
    turn,
)

YOU = "you"
OPENED = AuditEntry(at=1, by="tests", action="account.create", subject="new")


class Bench:
    """Stores in an empty database, whose replies can be lost."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.responses = RedisStore(client, "lost:")
        self.jobs = RedisJobStore(client, "lost:", self.responses, 30, WRAPPING)
        self.accounts = RedisAccountStore(client, "lost:")
        self.archive = RedisArchive(client, "lost:")

    def claimed(self) -> Claim:
        waiting = turn("job")
        queued = replace(waiting, response=replace(waiting.response, status="queued"))
        assert self.jobs.enqueue(payload_of(queued), 10)
        claim = self.jobs.claim(self.jobs.take() or "", "me")
        assert claim is not None
        return claim


@pytest.fixture
def bench(own_redis_url: str) -> Iterator[Bench]:
    with connect(RedisSettings(url=own_redis_url)) as client:
        assert isinstance(client, Redis)
        client.flushdb()
        yield Bench(client)


def lossy(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have every exchange lose the replies to its first try; return how many were lost."""
    exchange, lost = round_trip.exchange, [0]
    tries: dict[bytes, int] = {}

    def losing(connection: Any, packed: list[bytes], count: int) -> list[Any]:
        replies, sent = exchange(connection, packed, count), b"".join(packed)
        tries[sent] = tries.get(sent, 0) + 1
        if tries[sent] == 1:
            lost[0] += 1
            connection.disconnect()
            raise ConnectionLost("the reply is lost")
        return replies

    monkeypatch.setattr(round_trip, "exchange", losing)
    return lost


def dump(client: Any) -> dict[bytes, Any]:
    """Return everything but times and totals of accounts."""
    read = {
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"string": client.get,
        b"stream": lambda key: [fields for _, fields in client.xrange(key)],
    }
    found = {key: read[client.type(key)](key) for key in client.scan_iter()}
    return {key: value for key, value in found.items() if not key.endswith(b":version")}


def save(bench: Bench) -> Callable[[], Any]:
    made = turn()
    return lambda: bench.responses.save(made)


def continue_turn(bench: Bench) -> Callable[[], Any]:
    first = saved(bench.responses)
    return lambda: continued(bench.responses, first) and None


def delete(bench: Bench) -> Callable[[], Any]:
    made = saved(bench.responses)
    return lambda: bench.responses.delete(ACCOUNT, made.response.id)


def enqueue(bench: Bench) -> Callable[[], Any]:
    waiting = turn("job")
    queued = replace(waiting, response=replace(waiting.response, status="queued"))
    return lambda: bench.jobs.enqueue(payload_of(queued), 1)


def claim(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    assert bench.jobs.give_back(mine) is None
    taken = bench.jobs.take()
    assert taken is not None
    return lambda: bench.jobs.claim(taken, YOU)


def tell(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    return lambda: bench.jobs.append([(mine, Flush(0, (b"a", b"b"), Usage(1, 1), has_output=True))])


def finish(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    ended = turn("job", response_id=mine.response_id)
    return lambda: bench.jobs.finish(mine, ended, Flush(0, (b"z",)))


def take_over(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    return lambda: bench.jobs.take_over(ACCOUNT, mine.response_id, "cancelled") is not None


def note_uncalled(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    return lambda: bench.jobs.note_called(mine, called=False)


def note_called(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    assert bench.jobs.note_called(mine, called=False)
    return lambda: bench.jobs.note_called(mine, called=True)


def give_back(bench: Bench) -> Callable[[], Any]:
    mine = bench.claimed()
    return lambda: bench.jobs.give_back(mine)


def open_account(bench: Bench) -> Callable[[], Any]:
    account = Account(name="new", created_at=1)
    return lambda: bench.accounts.put_account(account, OPENED)


def purge(bench: Bench) -> Callable[[], Any]:
    made = saved(bench.responses)
    bench.responses.delete(ACCOUNT, made.response.id)
    return lambda: purged(bench.archive, 2**40)


def erase(bench: Bench) -> Callable[[], Any]:
    saved(bench.responses)
    return lambda: len(list(bench.archive.erase(ACCOUNT, lambda _id: None)))


@pytest.mark.parametrize(
    ("prepared", "outcome"),
    [
        (save, True),
        (continue_turn, None),
        (delete, None),
        (enqueue, True),
        (tell, [True]),
        (finish, True),
        (take_over, True),
        (note_uncalled, True),
        (note_called, True),
        (give_back, None),
        (open_account, True),
        (erase, 1),
    ],
)
def test_what_is_done_twice_is_done_once(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    prepared: Callable[[Bench], Callable[[], Any]],
    outcome: Any,
) -> None:
    write = prepared(bench)
    with monkeypatch.context() as patched:
        lost = lossy(patched)
        assert write() == outcome
        assert lost[0] > 0
    keys = list(bench.client.scan_iter())
    assert len(keys) == len(set(keys))
    assert copies(dump(bench.client)) == 1


def copies(everything: dict[bytes, Any]) -> int:
    """Return how often the most frequent entry of a list, stream or set of ours is there."""
    most = 1
    for value in everything.values():
        if isinstance(value, list):
            most = max(most, *(value.count(each) for each in value), 1)
    return most


def test_a_job_whose_claim_is_lost_is_claimed_by_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = claim(bench)
    lossy(monkeypatch)
    assert begin().lease_token == YOU


def test_a_job_whose_taking_is_lost_is_taken_by_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [turn("job"), turn("job")]
    for each in waiting:
        queued = replace(each, response=replace(each.response, status="queued"))
        assert bench.jobs.enqueue(payload_of(queued), 10)
    lost = lossy(monkeypatch)
    taken = [bench.jobs.take(token) for token in ("me", "you", "me", "", "")]
    first, second = (each.response.id for each in waiting)
    assert taken == [first, second, first, None, None]
    assert lost[0] > 0
    assert 0 < bench.client.pttl("lost:{jobs}:taken:me") <= 30_000


def test_what_is_purged_twice_is_told_and_counted_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy = purge(bench)
    lossy(monkeypatch)
    assert len(destroy()) == 1
    assert bench.responses.stored_bytes(ACCOUNT) == 0


def test_bytes_are_counted_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one = saved(bench.responses, "same")
    size = bench.responses.stored_bytes(ACCOUNT)
    assert one.account == ACCOUNT
    lossy(monkeypatch)
    saved(bench.responses, "same")
    assert abs(bench.responses.stored_bytes(ACCOUNT) - 2 * size) < 20


def test_what_was_used_and_logged_is_there_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2030, 1, 31)
    line = UsageLine(account=ACCOUNT, key_id="key", model="m", day=day, requests=1, input_tokens=7)
    log = RedisRequestLog(bench.client, "lost:", 1_000)
    usage = RedisUsageStore(
        bench.client,
        "lost:",
        RedisRateLimitStore(bench.client, "lost:").adjusting,
        log.appending,
    )
    entry = RequestEntry("request", 1, "req_1", None, None, ACCOUNT, "key")
    with monkeypatch.context() as patched:
        lossy(patched)
        assert usage.record([line], entries=[entry]) == []
        assert usage.record([line]) == []
    assert list(log.newest()) == [entry]
    (counted,) = usage.read(ACCOUNT, [day])
    assert (counted.requests, counted.input_tokens) == (2, 14)
