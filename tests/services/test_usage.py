"""Every request is put on its account, whatever becomes of it and of the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from threading import Event, Thread
from typing import Any, ClassVar

import pytest

from app.domain.accounts.accounts import Allowance, Caller
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.estimates import Estimate
from app.domain.response import Usage
from app.errors import InvalidRequest, StorageUnavailable
from app.services.limits.limiter import RateLimiter
from app.services.limits.usage import Period, UsageBook
from app.settings import CostBudget, LimitSettings
from app.store.rate_limits.base import AcquireRequest, Adjustment, Decision
from app.store.usage.base import Unwritten, UsageSpool
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.processes import PATIENCE_S, until
from tests.services.clocks import Clock

_ids = count()
NOON = 1_893_499_200.0  # 2030-01-01, 12:00 UTC
TODAY = date(2030, 1, 1)
CALLER = Caller(account="acme", key_id="key_1", account_limits=Allowance(max_in_flight=1))
ENTRY = RequestEntry("job", 1, "req_1", "trace", "resp_1", "acme", "key_1")
USAGE = Usage(input_tokens=10, output_tokens=20, cached_tokens=4, reasoning_tokens=5)


class Store(MemoryUsageStore):
    """`away` says that it does not answer, `deaf` that it does as it is told and its replies are
    lost; `writes` is how often it was written to.
    """

    away = False
    deaf = False
    writes = 0

    def __init__(self, settle: Callable[[Adjustment], None]) -> None:
        super().__init__(settle)
        self.written = Event()

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        if self.away:
            raise StorageUnavailable("away")
        left = super().record(lines, adjustments, entries)
        self.writes += 1
        self.written.set()
        if self.deaf:
            raise StorageUnavailable("deaf")
        return left


class RateLimits(MemoryRateLimitStore):
    """`deaf` says that it does what it is told, and that its replies are lost."""

    deaf = False

    def acquire(self, request: AcquireRequest) -> Decision:
        decision = super().acquire(request)
        if self.deaf:
            raise StorageUnavailable("deaf")
        return decision


class Office:
    """A book of use over a store in memory, and limits beside it."""

    def __init__(self, delay_s: float = 0.0, spool: UsageSpool | None = None) -> None:
        self.clock = Clock(NOON)
        self.outages = 0
        self.rate_limits = RateLimits(self.clock)
        self.store = Store(self.rate_limits.adjust)
        self.book = UsageBook(self.store, self.clock, self.hear, delay_s, spool=spool)
        self.limits = RateLimiter(
            self.rate_limits,
            LimitSettings(),
            lambda: f"lease{next(_ids)}",
            self.hear,
            self.book.withdraw,
        )

    def hear(self) -> None:
        self.outages += 1

    def lines(self) -> list[UsageLine]:
        return list(self.book.read("acme", Period(TODAY, TODAY)))


@pytest.fixture
def office() -> Office:
    return Office()


def line(**counters: Any) -> UsageLine:
    return UsageLine(account="acme", key_id="key_1", model="gpt", day=TODAY, **counters)


def test_a_request_is_put_on_its_account(office: Office) -> None:
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.lines() == [
        line(requests=1, input_tokens=10, output_tokens=20, cached_tokens=4, reasoning_tokens=5)
    ]


def test_a_request_that_failed_is_an_error(office: Office) -> None:
    office.book.record(CALLER, "gpt", None, failed=True)
    assert office.lines() == [line(requests=1, errors=1)]


def test_a_request_is_put_under_its_day(office: Office) -> None:
    office.clock.now += 12 * 3600
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.lines() == []


def test_a_record_ends_the_admission(office: Office) -> None:
    reservation = office.limits.reserve(CALLER, lambda: Estimate(1, 1))
    office.book.record(CALLER, "gpt", USAGE, failed=False, reservation=reservation)
    office.limits.reserve(CALLER, lambda: Estimate(1, 1)).release()


def test_without_the_store_a_line_waits(office: Office) -> None:
    office.store.away = True
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    office.book.record(CALLER, "gpt", None, failed=True)
    office.store.away = False
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    (shown,) = office.lines()
    assert (shown.requests, shown.errors, shown.input_tokens) == (3, 1, 20)


def test_a_line_that_waits_is_heard_of(office: Office) -> None:
    office.store.away = True
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.outages == 1


def test_a_line_that_waits_is_written_without_another_request(office: Office) -> None:
    office.store.away = True
    book = UsageBook(office.store, office.clock, office.hear, retry_s=0.001)
    book.record(CALLER, "m", Usage(1, 1), failed=False)
    until(lambda: office.outages > 3, "it to be tried again")
    office.store.away = False
    until(lambda: len(office.lines()) == 1, "it to be written")


def test_a_line_whose_reply_was_lost_counts_once(office: Office) -> None:
    office.store.deaf = True
    office.book.record(CALLER, "gpt", USAGE, failed=False, entry=ENTRY)
    office.book.record(CALLER, "gpt", None, failed=True)
    office.store.deaf = False
    office.book.record(CALLER, "gpt", USAGE, failed=False, entry=ENTRY._replace(request_id="two"))
    (shown,) = office.lines()
    assert (shown.requests, shown.errors, shown.input_tokens) == (3, 1, 20)
    assert [each.request_id for each in office.store.logged] == ["req_1", "two"]


class Collecting(str):
    """The name of a model, during a look at which the garbage collector ends a call."""

    __slots__ = ()
    dropped: ClassVar[list[Callable[[], None]]] = []

    def __hash__(self) -> int:
        if self.dropped:
            self.dropped.pop()()
        return super().__hash__()


def test_a_call_that_is_dropped_while_lines_are_added_up_waits_for_nothing() -> None:
    office = Office(delay_s=0.001)
    Collecting.dropped.append(
        lambda: office.book.record(CALLER, "gpt", USAGE, failed=False),
    )
    office.book.record(CALLER, Collecting("gpt"), USAGE, failed=False)

    def requests() -> int:
        return sum(each.requests for each in office.store.read("acme", [TODAY]))

    until(lambda: requests() == 2, "both to be written")


def test_a_line_is_written_once(office: Office) -> None:
    for _ in range(3):
        office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.lines()[0].requests == 3


def test_requests_that_end_together_are_written_together() -> None:
    office = Office(delay_s=60)
    for _ in range(3):
        office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.store.writes == 0
    office.book.flush()
    assert (office.store.writes, office.lines()[0].requests) == (1, 3)


def test_what_waits_is_written_by_itself() -> None:
    office = Office(delay_s=0.01)
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.store.written.wait(PATIENCE_S)


def test_without_a_thread_to_write_it_later_a_line_is_written_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    office = Office(delay_s=60)
    for writes in (1, 2):
        office.book.record(CALLER, "gpt", USAGE, failed=False)
        assert office.store.writes == writes


def test_what_waits_is_read_as_well() -> None:
    office = Office(delay_s=60)
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert office.lines()[0].requests == 1


def test_a_settlement_does_not_wait() -> None:
    office = Office(delay_s=60)
    reservation = office.limits.reserve(CALLER, lambda: Estimate(1, 1))
    office.book.record(CALLER, "gpt", USAGE, failed=False, reservation=reservation)
    assert office.store.writes == 1


def test_a_caller_known_from_before_an_outage_does_not_wait_for_the_store(office: Office) -> None:
    stale = Caller(account="acme", key_id="key_1", stale=True)
    office.book.record(stale, "gpt", USAGE, failed=False)
    assert (office.lines(), office.outages) == ([], 1)


@pytest.mark.parametrize(
    ("since", "until", "param"),
    [
        (date(2030, 1, 2), TODAY, "from"),
        (date(2028, 12, 31), TODAY, "from"),
        (None, date(1999, 12, 31), "to"),
        (None, date.min, "to"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    office: Office, since: date | None, until: date, param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        office.book.period(since, until)
    assert caught.value.param == param


def test_a_period_is_thirty_days_that_end_today(office: Office) -> None:
    assert office.book.period(None, None) == Period(date(2029, 12, 3), TODAY)


def test_a_leap_year_can_be_read(office: Office) -> None:
    period = office.book.period(date(2028, 1, 1), date(2028, 12, 31))
    assert not list(office.book.read("acme", period))


def test_a_request_whose_reply_was_lost_gives_its_budget_back(office: Office) -> None:
    allowance = Allowance(budgets=(CostBudget(100, "total"),), max_in_flight=1)
    caller = Caller(account="acme", key_id="key_1", account_limits=allowance)
    office.rate_limits.deaf = True
    office.limits.reserve(caller, lambda: Estimate(1, 1, microusd=60)).release()
    office.rate_limits.deaf = False
    office.book.flush()
    rest = office.limits.reserve(caller, lambda: Estimate(1, 1, microusd=100))
    assert rest.standing.budget is not None
    assert rest.standing.budget.spent == 100
