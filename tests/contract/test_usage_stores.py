"""What every UsageStore promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from uuid import uuid4

import pytest

from app.domain.accounts.attribution import OTHER, Attribution
from app.domain.accounts.usage import UsageLine
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import Client, connect
from app.store.rate_limits.base import AcquireRequest, Adjustment, Lease, RateLimit, RateLimitStore
from app.store.rate_limits.redis import RedisRateLimitStore
from app.store.usage.base import (
    MAX_ATTRIBUTED_LINES_A_DAY,
    MAX_LINES_A_DAY,
    MAX_USERS_A_DAY,
    OTHER_MODELS,
    UsageStore,
)
from app.store.usage.redis import RedisUsageStore
from app.store.usage.request_log import RedisRequestLog
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.redis_server import running

MONDAY, TUESDAY = date(2030, 1, 7), date(2030, 1, 8)
LINE = UsageLine(
    account="acme",
    key_id="key_1",
    model="openai/gpt:5",
    day=MONDAY,
    requests=1,
    input_tokens=10,
    cached_tokens=4,
    output_tokens=20,
    reasoning_tokens=5,
    cache_write_tokens=3,
    priced_requests=1,
    known_microusd=41,
)


@dataclass(frozen=True, slots=True)
class Stores:
    usage: UsageStore
    rate_limits: RateLimitStore


def redis_store(client: Client, prefix: str, rate_limits: RedisRateLimitStore) -> RedisUsageStore:
    log = RedisRequestLog(client, prefix, 1_000)
    return RedisUsageStore(client, prefix, rate_limits.adjusting, log.appending)


@pytest.fixture(params=["memory", "redis", "cluster"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "memory":
        memory = MemoryRateLimitStore()
        yield Stores(MemoryUsageStore(memory.adjust), memory)
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        rate_limits = RedisRateLimitStore(client, prefix)
        yield Stores(redis_store(client, prefix, rate_limits), rate_limits)


@pytest.fixture
def store(stores: Stores) -> UsageStore:
    return stores.usage


def test_what_was_recorded_is_read(store: UsageStore) -> None:
    store.record([LINE])
    assert list(store.read("acme", [MONDAY])) == [LINE]


def test_lines_about_the_same_add_up(store: UsageStore) -> None:
    store.record([LINE])
    store.record([replace(LINE, errors=1, output_tokens=2)])
    assert list(store.read("acme", [MONDAY])) == [
        replace(
            LINE,
            requests=2,
            input_tokens=20,
            cached_tokens=8,
            output_tokens=22,
            reasoning_tokens=10,
            errors=1,
            cache_write_tokens=6,
            priced_requests=2,
            known_microusd=82,
        )
    ]


def test_keys_and_models_have_lines_of_their_own(store: UsageStore) -> None:
    lines = [
        replace(LINE, model="a"),
        replace(LINE, model="b"),
        replace(LINE, key_id="key_2", model="a"),
    ]
    store.record(list(reversed(lines)))
    assert list(store.read("acme", [MONDAY])) == lines


def test_days_are_read_in_the_order_asked_for(store: UsageStore) -> None:
    later = replace(LINE, day=TUESDAY)
    store.record([LINE, later])
    assert list(store.read("acme", [TUESDAY, MONDAY])) == [later, LINE]


def test_other_days_are_not_read(store: UsageStore) -> None:
    store.record([LINE])
    assert list(store.read("acme", [TUESDAY])) == []


def test_no_days_are_nothing(store: UsageStore) -> None:
    assert list(store.read("acme", [])) == []


def test_accounts_are_apart(store: UsageStore) -> None:
    store.record([LINE])
    assert list(store.read("other", [MONDAY])) == []


def test_a_request_is_recorded_and_settled_at_once(stores: Stores) -> None:
    window = RateLimit("tokens", 60, 100)
    lease = Lease("lease", "acme", (), 30)
    decision = stores.rate_limits.acquire(AcquireRequest(((window, 90),), (), lease))
    stores.usage.record([LINE], [Adjustment(decision.at, ((window, -60, 100),), lease)])
    assert list(stores.usage.read("acme", [MONDAY])) == [LINE]
    assert stores.rate_limits.acquire(AcquireRequest(((window, 70),), (), lease)).refused_by is None


def test_a_day_does_not_fill_with_names(store: UsageStore) -> None:
    store.record([replace(LINE, model=f"m{number}") for number in range(MAX_LINES_A_DAY + 7)])
    shown = list(store.read("acme", [MONDAY]))
    assert (len(shown), shown[0].model, shown[0].requests) == (MAX_LINES_A_DAY + 1, OTHER_MODELS, 7)


def test_a_line_of_a_full_day_grows(store: UsageStore) -> None:
    store.record([replace(LINE, model=f"m{number}") for number in range(MAX_LINES_A_DAY + 7)])
    store.record([replace(LINE, model="m5")])
    (line,) = (line for line in store.read("acme", [MONDAY]) if line.model == "m5")
    assert line.requests == 2


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    rate_limits = RedisRateLimitStore(client, "rg:")
    with client, pytest.raises(StorageUnavailable):
        redis_store(client, "rg:", rate_limits).record([LINE])


def test_a_sum_that_redis_cannot_hold_harms_no_other_line(store: UsageStore) -> None:
    store.record([replace(LINE, input_tokens=2**63 - 1)])
    for _ in range(2):
        left = store.record([replace(LINE, input_tokens=9), replace(LINE, account="other")])
        assert not left
    poisoned, other = (list(store.read(name, [MONDAY])) for name in ("acme", "other"))
    assert (poisoned[0].requests, poisoned[0].output_tokens) == (3, 60)
    assert (other[0].requests, other[0].input_tokens) == (2, 20)


def test_a_table_of_an_earlier_release_is_read_and_has_no_price(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        store = redis_store(client, prefix, RedisRateLimitStore(client, prefix))
        table = {"requests:key_1:m": 2, "input_tokens:key_1:m": 9, "lines": 1}
        client.hset(f"{prefix}{{account:acme}}:usage:{MONDAY.isoformat()}", mapping=table)
        store.record([replace(LINE, model="m")])
        (shown,) = store.read("acme", [MONDAY])
    assert (shown.requests, shown.input_tokens) == (3, 19)
    assert (shown.cost_microusd, shown.unpriced_requests) == (41, 2)


def test_an_earlier_release_finds_only_counters_that_it_knows(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        store = redis_store(client, prefix, RedisRateLimitStore(client, prefix))
        store.record([replace(LINE, errors=1)])
        fields = client.hkeys(f"{prefix}{{account:acme}}:usage:{MONDAY.isoformat()}")
    assert {field.partition(b":")[0].decode() for field in fields} == {
        "lines",
        "requests",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "errors",
    }


def test_a_book_of_another_type_harms_no_other_account(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        rate_limits = RedisRateLimitStore(client, prefix)
        store = redis_store(client, prefix, rate_limits)
        client.set(f"{prefix}{{account:acme}}:usage:{MONDAY.isoformat()}", "no hash")
        assert not store.record([LINE, replace(LINE, account="other")])
        assert next(iter(store.read("other", [MONDAY]))).requests == 1


def test_a_line_that_is_written_again_counts_once(store: UsageStore) -> None:
    first, second = replace(LINE, write_id="1"), replace(LINE, write_id="2")
    store.record([first, replace(LINE, account="other", write_id="3")])
    store.record([first, second])
    assert list(store.read("acme", [MONDAY])) == [LINE.plus(LINE)]


def test_a_settlement_gives_back_no_more_than_was_counted(stores: Stores) -> None:
    window, lease = RateLimit("tokens", 60, 100), Lease("lease", "acme", (), 30)
    stores.rate_limits.acquire(AcquireRequest(((window, 50),), (), lease))
    decision = stores.rate_limits.acquire(AcquireRequest(((window, 40),), (), lease))
    stores.rate_limits.adjust(Adjustment(decision.at, ((window, -1_000_000, 40),), lease))
    assert (
        stores.rate_limits.acquire(AcquireRequest(((window, 51),), (), lease)).refused_by == window
    )


# For whom


BOB, ANN = Attribution("bob", (("team", "a"),)), Attribution("ann")


def attributed(store: UsageStore, day: date = MONDAY) -> dict[Attribution, int]:
    """Return how many requests are put down to whom."""
    lines = store.read("acme", [day], attributed=True)
    sums: dict[Attribution, int] = {}
    for line in lines:
        sums[line.attribution] = sums.get(line.attribution, 0) + line.requests
    return sums


def test_what_is_put_down_to_somebody_is_read_for_whom_it_was(store: UsageStore) -> None:
    lines = [LINE, replace(LINE, attribution=ANN), replace(LINE, attribution=BOB)]
    store.record([*lines, lines[2]])
    twice = replace(lines[2].plus(lines[2]), attribution=BOB)
    read = store.read("acme", [MONDAY], attributed=True)
    assert sorted(read, key=str) == sorted([LINE, lines[1], twice], key=str)
    assert store.size("acme", [MONDAY]) < store.size("acme", [MONDAY], attributed=True)


def test_without_that_it_is_in_the_line_of_its_key_and_model(store: UsageStore) -> None:
    store.record([LINE, replace(LINE, attribution=ANN)])
    assert list(store.read("acme", [MONDAY])) == [LINE.plus(LINE)]


@pytest.mark.parametrize(
    ("count", "most", "first", "next_", "other"),
    [
        (
            "users",
            MAX_USERS_A_DAY,
            Attribution("bob"),
            Attribution("ann"),
            Attribution(OTHER),
        ),
        (
            "lines",
            MAX_ATTRIBUTED_LINES_A_DAY,
            Attribution("bob", (("team", "a"),)),
            Attribution("bob", (("team", "b"),)),
            Attribution(OTHER, (("team", OTHER),)),
        ),
    ],
)
def test_a_day_does_not_fill_with_users_or_metadata(
    redis_url: str,
    count: str,
    most: int,
    first: Attribution,
    next_: Attribution,
    other: Attribution,
) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        store = redis_store(client, prefix, RedisRateLimitStore(client, prefix))
        key = f"{prefix}{{account:acme}}:usage:users:{MONDAY.isoformat()}"
        client.hset(key, count, most - 1)
        store.record([replace(LINE, attribution=to) for to in (first, next_, next_, first)])
        assert attributed(store) == {first: 2, other: 2}


def test_models_that_are_too_many_are_so_for_everybody(store: UsageStore) -> None:
    store.record([replace(LINE, model=f"m{number}") for number in range(MAX_LINES_A_DAY)])
    store.record([replace(LINE, model="one more", attribution=BOB)])
    (line,) = (
        line for line in store.read("acme", [MONDAY], attributed=True) if line.attribution == BOB
    )
    assert line.model == OTHER_MODELS


@pytest.mark.parametrize("user", ['"]', "a:b\0c", "ü\u2028", "(other)"])
def test_a_user_may_be_called_anything(store: UsageStore, user: str) -> None:
    store.record([replace(LINE, attribution=Attribution(user))])
    assert attributed(store) == {Attribution(user): 1}


def test_a_counter_of_a_later_release_stays(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        store = redis_store(client, prefix, RedisRateLimitStore(client, prefix))
        key = f"{prefix}{{account:acme}}:usage:users:{MONDAY.isoformat()}"
        field = '["key_1","openai/gpt:5","ann",[]]'
        client.hset(key, field, "1 1 1 1 1 1 1 1 1 77")
        store.record([replace(LINE, attribution=ANN)])
        assert client.hget(key, field) == b"2 11 5 21 6 1 4 2 42 77"
