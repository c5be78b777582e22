"""Who is let in, what is told to who is not, and what happens at the end of a request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest

from app.domain.accounts.accounts import NO_ALLOWANCE, Allowance, Caller
from app.domain.accounts.limits import LimitReached, Quota, Standing
from app.domain.estimates import Estimate
from app.domain.response import Usage
from app.errors import StorageRefused, StorageUnavailable
from app.services.limits.limiter import RateLimiter
from app.services.limits.reservation import Charge, Reservation
from app.settings import LimitSettings, RedisSettings
from app.store.connection.client import connect
from app.store.rate_limits.base import AcquireRequest, Adjustment, Decision, Lease, RateLimit
from app.store.rate_limits.redis import RedisRateLimitStore
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.services.clocks import Clock


class Store(MemoryRateLimitStore):
    """Counts round trips; `away` says that it does not answer."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.round_trips = 0
        self.away = False

    def acquire(self, request: AcquireRequest) -> Decision:
        self._answer()
        return super().acquire(request)

    def adjust(self, adjustment: Adjustment) -> None:
        self._answer()
        super().adjust(adjustment)

    def renew(self, leases: Collection[Lease]) -> None:
        self._answer()
        super().renew(leases)

    def _answer(self) -> None:
        self.round_trips += 1
        if self.away:
            raise StorageUnavailable("away")


class Door:
    """Limits over a store in memory; `outages` counts what was heard of its being away."""

    def __init__(self, settings: LimitSettings | None = None) -> None:
        self.clock = Clock(1_800_000_000.0)
        self.store = Store(self.clock)
        self.outages = 0
        ids = count()
        self.limits = RateLimiter(
            self.store, settings or LimitSettings(), lambda: f"l{next(ids)}", self._on_outage
        )

    def reserve(self, caller: Caller, input_tokens: int = 0, output_tokens: int = 0) -> Reservation:
        return self.limits.reserve(caller, lambda: Estimate(input_tokens, output_tokens))

    def refusal(self, caller: Caller, input_tokens: int = 0) -> LimitReached:
        with pytest.raises(LimitReached) as caught:
            self.reserve(caller, input_tokens)
        return caught.value

    def _on_outage(self) -> None:
        self.outages += 1


@pytest.fixture
def door() -> Door:
    return Door()


def caller(
    *,
    requests_per_minute: int | None = None,
    requests_per_day: int | None = None,
    tokens_per_minute: int | None = None,
    max_in_flight: int | None = None,
    of_key: Allowance = NO_ALLOWANCE,
    key_id: str = "key_1",
    stale: bool = False,
) -> Caller:
    of_account = Allowance(
        requests_per_minute=requests_per_minute,
        requests_per_day=requests_per_day,
        tokens_per_minute=tokens_per_minute,
        max_in_flight=max_in_flight,
    )
    return Caller(
        account="acme", key_id=key_id, key_limits=of_key, account_limits=of_account, stale=stale
    )


def test_without_limits_the_store_is_not_asked(door: Door) -> None:
    door.reserve(caller()).settle(Usage(input_tokens=5))
    assert door.store.round_trips == 0


def test_without_limits_nothing_stands(door: Door) -> None:
    assert door.reserve(caller()).standing == Standing()


def test_every_limit_together_is_one_round_trip(door: Door) -> None:
    all_four = Allowance(
        requests_per_minute=9, requests_per_day=9, tokens_per_minute=9, max_in_flight=9
    )
    one = Caller(account="acme", key_id="key_1", key_limits=all_four, account_limits=all_four)
    with door.reserve(one):
        assert door.store.round_trips == 1


def test_an_ending_is_one_round_trip_more(door: Door) -> None:
    reservation = door.reserve(caller(tokens_per_minute=9, max_in_flight=9), 5)
    reservation.settle(Usage(output_tokens=3))
    reservation.settle(Usage(output_tokens=3))
    reservation.release()
    assert door.store.round_trips == 2


def test_requests_alone_need_no_ending(door: Door) -> None:
    door.reserve(caller(requests_per_minute=9)).settle(Usage())
    assert door.store.round_trips == 1


def test_tokens_are_estimated_only_where_they_are_limited(door: Door) -> None:
    def estimate() -> Estimate:
        raise AssertionError("nobody needs it")

    door.limits.reserve(caller(requests_per_minute=1), estimate)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Allowance(requests_per_minute=1), "this account may have 1 requests per minute"),
        (Allowance(requests_per_day=1), "this account may have 1 requests per day"),
        (Allowance(max_in_flight=1), "this account may have 1 requests in flight"),
    ],
)
def test_a_reached_limit_is_told(door: Door, limit: Allowance, expected: str) -> None:
    one = Caller(account="acme", key_id="key_1", account_limits=limit)
    reservation = door.reserve(one)
    error = door.refusal(one)
    assert (error.status, error.type, error.code) == (
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    assert expected in error.message
    assert error.retry_after_s
    reservation.release()


def test_a_limit_of_the_key_is_told_as_such(door: Door) -> None:
    one = caller(of_key=Allowance(requests_per_minute=1))
    door.reserve(one)
    assert "this key may have 1 requests per minute" in door.refusal(one).message


def test_the_wait_is_told_in_whole_seconds(door: Door) -> None:
    one = caller(requests_per_minute=1)
    door.reserve(one)
    door.clock.now += 30.5
    assert door.refusal(one).retry_after_s == 31


def test_who_waits_as_told_is_let_in(door: Door) -> None:
    one = caller(requests_per_minute=1)
    door.reserve(one)
    door.clock.now += door.refusal(one).retry_after_s or 0
    door.reserve(one)


def test_keys_of_an_account_share_its_limits(door: Door) -> None:
    door.reserve(caller(key_id="key_1", requests_per_minute=1))
    door.refusal(caller(key_id="key_2", requests_per_minute=1))


def test_keys_do_not_share_their_own_limits(door: Door) -> None:
    own = Allowance(requests_per_minute=1)
    door.reserve(caller(key_id="key_1", of_key=own))
    door.reserve(caller(key_id="key_2", of_key=own))


def test_a_key_that_is_refused_takes_nothing_from_its_account(door: Door) -> None:
    own = Allowance(requests_per_minute=1)
    door.reserve(caller(key_id="key_1", of_key=own, requests_per_minute=2))
    for _ in range(5):
        door.refusal(caller(key_id="key_1", of_key=own, requests_per_minute=2))
    door.reserve(caller(key_id="key_2", of_key=own, requests_per_minute=2))


def test_the_tightest_limit_is_where_a_caller_stands(door: Door) -> None:
    standing = door.reserve(caller(requests_per_minute=5, requests_per_day=3)).standing
    assert standing == Standing(requests=Quota(3, 2, 61 * 1440))


def test_a_caller_stands_somewhere_with_tokens_too(door: Door) -> None:
    standing = door.reserve(caller(tokens_per_minute=100), 30, 20).standing
    assert standing == Standing(tokens=Quota(100, 50, 61))


def test_who_is_refused_hears_where_he_stands(door: Door) -> None:
    one = caller(requests_per_minute=1, tokens_per_minute=100)
    door.reserve(one, 30)
    assert door.refusal(one).standing == Standing(Quota(1, 0, 61), Quota(100, 70, 61))


def test_tokens_are_counted_before_they_are_used(door: Door) -> None:
    one = caller(tokens_per_minute=100)
    door.reserve(one, 30, 40)
    door.refusal(one, 31)


def test_tokens_that_were_not_used_come_back(door: Door) -> None:
    one = caller(tokens_per_minute=100)
    door.reserve(one, 30, 70).settle(Usage(input_tokens=30, output_tokens=10))
    assert door.reserve(one, 60).standing.tokens == Quota(100, 0, 61)


def test_tokens_used_beyond_the_estimate_are_counted(door: Door) -> None:
    one = caller(tokens_per_minute=100)
    door.reserve(one, 10, 10).settle(Usage(input_tokens=10, output_tokens=90))
    door.refusal(one, 1)


def test_an_estimate_stands_when_nobody_knows_better(door: Door) -> None:
    one = caller(tokens_per_minute=100)
    with door.reserve(one, 30, 70):
        pass
    door.refusal(one, 1)


def test_a_long_answer_may_be_asked_for_when_nothing_was_used(door: Door) -> None:
    assert door.reserve(caller(tokens_per_minute=100), 30, 9_000).standing.tokens == Quota(
        100, 0, 61
    )


def test_what_was_used_is_counted_whatever_was_booked_for_a_long_answer(door: Door) -> None:
    one = caller(tokens_per_minute=100)
    door.reserve(one, 30, 9_000).settle(Usage(input_tokens=30, output_tokens=10))
    assert door.reserve(one, 50).standing.tokens == Quota(100, 10, 61)


def test_an_input_that_no_minute_has_room_for_is_refused_at_once(door: Door) -> None:
    error = door.refusal(caller(tokens_per_minute=100), 101)
    assert "about 101 tokens" in error.message
    assert error.retry_headers["x-should-retry"] == "false"
    assert door.store.round_trips == 0


def test_the_narrowest_limit_of_tokens_refuses_an_input(door: Door) -> None:
    own = Allowance(tokens_per_minute=50)
    assert "this key" in door.refusal(caller(of_key=own, tokens_per_minute=100), 101).message


@pytest.mark.parametrize(
    "end", [Reservation.release, lambda reservation: reservation.settle(Usage())]
)
def test_an_ending_frees_the_place_in_flight(
    door: Door, end: Callable[[Reservation], None]
) -> None:
    one = caller(max_in_flight=1)
    end(door.reserve(one))
    door.reserve(one).release()


@pytest.mark.parametrize(
    "end", [Reservation.release, lambda reservation: reservation.hand_over(within_s=800)]
)
def test_an_ending_is_the_end_of_renewals(door: Door, end: Callable[[Reservation], object]) -> None:
    end(door.reserve(caller(max_in_flight=1)))
    assert door.limits._renewer._leases == {}


def test_a_failure_frees_the_place_in_flight(door: Door) -> None:
    one = caller(max_in_flight=1)
    with pytest.raises(ZeroDivisionError), door.reserve(one):
        raise ZeroDivisionError
    door.reserve(one).release()


def test_an_admission_can_be_handed_over(door: Door) -> None:
    one = caller(max_in_flight=1, tokens_per_minute=100)
    text = door.reserve(one, 90).hand_over(within_s=800)
    door.clock.now += 30
    door.limits.resume(text).settle(Usage(input_tokens=95))
    assert door.reserve(one, 1).standing.tokens == Quota(100, 4, 61)


def test_a_handed_over_place_stays_taken(door: Door) -> None:
    one = caller(max_in_flight=1)
    door.reserve(one).hand_over(within_s=800)
    door.clock.now += 700
    door.refusal(one)


def test_a_handed_over_admission_does_not_end_here(door: Door) -> None:
    one = caller(max_in_flight=1)
    with door.reserve(one) as reservation:
        reservation.hand_over(within_s=800)
    door.refusal(one)


def test_requests_alone_are_handed_over_without_the_store(door: Door) -> None:
    door.reserve(caller(requests_per_minute=5)).hand_over(within_s=800)
    assert door.store.round_trips == 1


def test_without_limits_there_is_nothing_to_hand_over(door: Door) -> None:
    text = door.reserve(caller()).hand_over(within_s=800)
    door.limits.resume(text).release()
    assert (text, door.store.round_trips) == (None, 0)


def test_without_the_store_everybody_is_let_in(door: Door) -> None:
    door.store.away = True
    assert door.reserve(caller(requests_per_minute=1)).standing == Standing()
    assert door.outages == 1


def test_an_end_that_redis_refuses_to_count_spoils_no_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Adjustment) -> None:
        raise StorageRefused("its memory is full")

    monkeypatch.setattr(door.store, "adjust", refuse)
    door.reserve(caller(tokens_per_minute=100), 5).settle(Usage(input_tokens=1))
    assert door.outages == 0


def test_without_the_store_nobody_with_limits_is_let_in_if_so_set() -> None:
    door = Door(LimitSettings(when_store_is_away="closed"))
    door.store.away = True
    with pytest.raises(StorageUnavailable):
        door.reserve(caller(requests_per_minute=1))
    assert door.outages == 1


def test_without_the_store_who_has_no_limits_is_let_in_whatever_is_set() -> None:
    door = Door(LimitSettings(when_store_is_away="closed"))
    door.store.away = True
    door.reserve(caller())


def test_a_caller_known_from_before_an_outage_does_not_wait_for_the_store(door: Door) -> None:
    door.reserve(caller(requests_per_minute=1, stale=True))
    assert (door.store.round_trips, door.outages) == (0, 1)


def test_an_ending_without_the_store_is_heard_of(door: Door) -> None:
    reservation = door.reserve(caller(max_in_flight=1))
    door.store.away = True
    reservation.release()
    assert door.outages == 1


def test_a_hand_over_without_the_store_is_heard_of(door: Door) -> None:
    reservation = door.reserve(caller(max_in_flight=1))
    door.store.away = True
    assert reservation.hand_over(within_s=800)
    assert door.outages == 1


def test_sixty_four_processes_let_in_no_more_than_the_limit(redis_url: str) -> None:
    one = caller(of_key=Allowance(requests_per_minute=50), max_in_flight=64)
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:

        def run(_: int) -> int:
            limits = RateLimiter(
                RedisRateLimitStore(client, prefix),
                LimitSettings(),
                lambda: str(uuid4()),
                no_outage,
            )
            passed = 0
            for _ in range(4):
                try:
                    with limits.reserve(one, lambda: Estimate(1, 1)):
                        passed += 1
                except LimitReached:
                    pass
            return passed

        with ThreadPoolExecutor(64) as processes:
            assert sum(processes.map(run, range(64))) == 50


def no_outage() -> None:
    raise AssertionError("the store is not away")


def test_negative_counts_give_back_no_tokens_of_others() -> None:
    window = RateLimit("tokens_per_minute", 60, 100)
    charge = Charge(0.0, ((window, 40),), Lease("lease", "acme", (), 30))
    assert charge.adjustment(Usage(input_tokens=-(10**6))).changes == ((window, -40, 40),)


def test_a_charge_is_text_that_neighbouring_releases_read() -> None:
    text = (
        '{"at": 1.5, "tokens": [[{"name": "tpm", "span_s": 60, "limit": 9}, 4]], "lease": {"id": '
        '"a", "account": "acme", "for_s": 30, "flights": ["all"]}}'
    )
    charge = Charge(1.5, ((RateLimit("tpm", 60, 9), 4),), Lease("a", "acme", ("all",), 30))
    assert (Charge.from_text(text), charge.text()) == (charge, text)
