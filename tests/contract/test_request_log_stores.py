"""What the request log in Redis promises, on one server and on a Cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from time import time
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.domain.accounts.request_log import LogQuery, RequestEntry
from app.domain.accounts.usage import UsageLine
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.rate_limits.redis import RedisRateLimitStore
from app.store.usage.redis import RedisUsageStore
from app.store.usage.request_log import AT_ONCE, SLACK_MS, RedisRequestLog
from app.telemetry import REQUEST_LOG_LOST
from tests.redis_server import running

MOST = 500
LINE = UsageLine(account="acme", key_id="key_1", model="m", day=date(2030, 1, 7), requests=1)


@dataclass(frozen=True, slots=True)
class Stores:
    client: Any
    prefix: str
    usage: RedisUsageStore
    log: RedisRequestLog

    @property
    def key(self) -> str:
        return f"{self.prefix}{{requests}}"

    def newest(self, since_ms: int = 0) -> list[RequestEntry]:
        return list(self.log.newest(since_ms))


@pytest.fixture(params=["redis_url", "cluster_url"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=request.getfixturevalue(request.param))) as client:
        log = RedisRequestLog(client, prefix, MOST)
        adjusting = RedisRateLimitStore(client, prefix).adjusting
        yield Stores(client, prefix, RedisUsageStore(client, prefix, adjusting, log.appending), log)


def entry(number: int = 1, account: str = "acme", at: int = 1_577_836_800_000) -> RequestEntry:
    return RequestEntry(
        event="request",
        at=at + number,
        request_id=f"req_{number}",
        trace_id="0" * 32,
        response_id=f"resp_{number}",
        account=account,
        key_id="key_1",
        method="POST",
        endpoint="/v1/responses",
        status=200,
        duration_ms=12.5,
    )


def test_what_was_logged_is_read_newest_first(stores: Stores) -> None:
    stores.usage.record([LINE], entries=[entry(1), entry(2)])
    stores.usage.record([], entries=[entry(3)])
    assert stores.newest() == [entry(3), entry(2), entry(1)]
    assert list(stores.usage.read("acme", [LINE.day])) == [LINE]


def test_only_what_ended_since_then_is_read(stores: Stores) -> None:
    stores.usage.record([], entries=[entry(number) for number in range(4)])
    assert stores.newest(entry(2).at) == [entry(3), entry(2)]


def test_what_waited_for_redis_is_read_by_when_it_ended(stores: Stores) -> None:
    late, early = entry(1), entry(2, at=1_577_836_800_000 - SLACK_MS * 2)
    stores.usage.record([], entries=[late, early])
    assert stores.newest(late.at) == [late]


def test_it_grows_no_further_than_it_shall(stores: Stores) -> None:
    for start in range(0, MOST * 4, 100):
        stores.usage.record([], entries=[entry(start + number) for number in range(100)])
    shown = stores.newest()
    assert MOST <= len(shown) <= MOST + 200
    assert shown[0] == entry(MOST * 4 - 1)


def test_more_entries_than_are_read_at_once_are_read_once_each(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.usage.request_log.AT_ONCE", 7)
    stores.usage.record([], entries=[entry(number) for number in range(50)])
    assert [each.at for each in stores.newest()] == [entry(n).at for n in reversed(range(50))]


@pytest.mark.parametrize("at_once", [3, AT_ONCE])
def test_what_is_meant_is_erased_and_nothing_else(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("app.store.usage.request_log.AT_ONCE", at_once)
    theirs = [entry(number, "other") for number in range(10)]
    stores.usage.record([], entries=[e for each in theirs for e in (entry(each.at), each)])
    assert stores.log.erase(lambda each: each.account == "acme") == len(theirs)
    assert stores.newest() == theirs[::-1]


def paged(stores: Stores, **query: Any) -> list[RequestEntry]:
    """Return all of an account's entries that are wanted, page by page."""
    found, after = list[RequestEntry](), ""
    while True:
        page = stores.log.page(LogQuery("acme", 3, after=after, **query))
        assert len(page.rows) <= 3
        found += [each.entry for each in page.rows]
        if page.next is None:
            return found
        after = page.next


def test_an_account_reads_its_own_entries_page_by_page(stores: Stores) -> None:
    own = [entry(number) for number in range(8)]
    theirs = [entry(number, "other") for number in range(8)]
    stores.usage.record(
        [], entries=[each for pair in zip(own, theirs, strict=True) for each in pair]
    )
    assert paged(stores) == own[::-1]
    assert paged(stores, name="resp_3") == paged(stores, name="req_3") == [own[3]]
    assert paged(stores, name="req_nobody") == []
    failed = own[0]._replace(status=503, account="acme")
    stores.usage.record([], entries=[failed])
    assert paged(stores, status="5xx") == paged(stores, status="503") == [failed]


def test_only_what_was_requested_then_is_paged(stores: Stores) -> None:
    begun = int(time()) - 60
    own = [entry(0, at=(begun + number) * 1000) for number in range(6)]
    stores.usage.record([], entries=own)
    assert paged(stores, since=begun + 1, until=begun + 4) == own[3:0:-1]


def test_a_page_that_was_searched_too_long_says_so_and_where_to_go_on(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.usage.request_log.MOST_EXAMINED", 5)
    stores.usage.record([], entries=[entry(0), *(entry(number, "other") for number in range(5))])
    page = stores.log.page(LogQuery("acme", 3))
    assert (page.rows, page.examined, page.is_cut) == ((), 5, True)
    page = stores.log.page(LogQuery("acme", 3, after=page.next or ""))
    assert [each.entry for each in page.rows] == [entry(0)]
    assert (page.examined, page.next, page.is_cut) == (1, None, False)


def test_entries_of_later_and_earlier_releases_are_read(stores: Stores) -> None:
    later = orjson.dumps([*entry(), "a field of later"])
    earlier = orjson.dumps(list(entry())[:12])
    for line in (later, earlier, b"[1]", b"no JSON"):
        stores.client.xadd(stores.key, {"e": line})
    stores.client.xadd(stores.key, {"another": "field"})
    assert stores.newest() == [entry()._replace(duration_ms=None), entry()]


def test_entries_that_are_written_again_are_logged_once(stores: Stores) -> None:
    for _ in range(2):
        stores.usage.record([], entries=[entry(1), entry(2)])
    stores.usage.record([], entries=[entry(2)])
    assert stores.newest() == [entry(2), entry(2), entry(1)]


def test_a_log_of_another_type_is_counted_as_lost_and_harms_no_line(stores: Stores) -> None:
    stores.client.set(stores.key, "no stream")
    before = lost()
    assert stores.usage.record([LINE], entries=[entry(1), entry(2)]) == []
    assert list(stores.usage.read("acme", [LINE.day])) == [LINE]
    assert lost() - before == 2


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client, pytest.raises(StorageUnavailable):
        list(RedisRequestLog(client, "rg:", MOST).newest())
    with pytest.raises(StorageUnavailable):
        RedisRequestLog(client, "rg:", MOST).page(LogQuery("acme", 1))


def lost() -> float:
    """Return how many entries were counted as lost so far."""
    (metric,) = REQUEST_LOG_LOST.collect()
    return next(each.value for each in metric.samples if each.name.endswith("_total"))
