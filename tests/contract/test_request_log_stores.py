"""What the request log in Redis promises, on one server and on a Cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.domain.accounts.request_log import RequestEntry
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
    assert stores.usage.read("acme", [LINE.day]) == [LINE]


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


def test_entries_of_later_and_earlier_releases_are_read(stores: Stores) -> None:
    later = orjson.dumps([*entry(), "a field of later"])
    earlier = orjson.dumps(list(entry())[:12])
    for line in (later, earlier, b"[1]", b"no JSON"):
        stores.client.xadd(stores.key, {"e": line})
    stores.client.xadd(stores.key, {"another": "field"})
    assert stores.newest() == [entry()._replace(duration_ms=None), entry()]


def test_a_log_of_another_type_is_counted_as_lost_and_harms_no_line(stores: Stores) -> None:
    stores.client.set(stores.key, "no stream")
    before = lost()
    assert stores.usage.record([LINE], entries=[entry(1), entry(2)]) == []
    assert stores.usage.read("acme", [LINE.day]) == [LINE]
    assert lost() - before == 2


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client, pytest.raises(StorageUnavailable):
        list(RedisRequestLog(client, "rg:", MOST).newest())


def lost() -> float:
    """Return how many entries were counted as lost so far."""
    (metric,) = REQUEST_LOG_LOST.collect()
    return next(each.value for each in metric.samples if each.name.endswith("_total"))
