"""What waits to be written is written later, and kept on disk when its process ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from app.domain.accounts.accounts import Allowance, Caller
from app.domain.accounts.limits import LimitReached
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.estimates import Estimate
from app.services.limits.usage_writer import MAX_ADJUSTED
from app.settings import CostBudget
from app.store.rate_limits.base import Adjustment
from app.store.usage.base import Unwritten
from tests.processes import PATIENCE_S, until
from tests.services.test_usage import CALLER, ENTRY, TODAY, USAGE, Office, Store

LIMITED = Caller(
    account="acme", key_id="key_1", account_limits=Allowance(budgets=(CostBudget(100, "total"),))
)


class Disk:
    """A spool of one file; `fails` says that it cannot be written."""

    def __init__(self) -> None:
        self.fails = False
        self.requests: list[int] = []
        self.adjustments: list[Adjustment] = []
        self.dropped: list[Path] = []

    def put(self, lines: Sequence[UsageLine], adjustments: Sequence[Adjustment]) -> Path:
        if self.fails:
            raise PermissionError
        self.requests = [line.requests for line in lines]
        self.adjustments = list(adjustments)
        return Path("file")

    def drop(self, file: Path) -> None:
        self.dropped.append(file)

    def keep_delivering(self, pause: Callable[[float], None]) -> None:
        raise NotImplementedError


class Stalling(Store):
    """A store that takes its time: a write ends once `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)
        self.goes_on = Event()
        self.is_writing = Event()

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        self.is_writing.set()
        assert self.goes_on.wait(PATIENCE_S)
        return super().record(lines, adjustments, entries)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def office(disk: Disk) -> Office:
    return Office(delay_s=60, spool=disk)


def events(office: Office) -> list[str]:
    """End the process; return what it logs."""
    with capture_logs() as logged:
        office.book.close()
    return [each["event"] for each in logged]


def test_the_end_writes_what_waits_and_leaves_nothing(office: Office, disk: Disk) -> None:
    office.book.record(CALLER, "gpt", USAGE, failed=False, entry=ENTRY)
    assert events(office) == []
    assert (office.lines()[0].requests, office.store.logged) == (1, [ENTRY])
    assert (disk.requests, disk.dropped) == ([1], [Path("file")])


@pytest.mark.parametrize("away", [True, False])
def test_an_end_without_usage_writes_no_file(office: Office, disk: Disk, away: bool) -> None:
    office.store.away = away
    assert events(office) == []
    assert (disk.requests, disk.dropped, office.outages, office.store.writes) == ([], [], 0, 0)
    office.book.log(ENTRY)
    assert events(office) == []
    assert (disk.requests, office.outages) == ([], int(away))


def test_what_the_store_does_not_take_stays_on_disk(office: Office, disk: Disk) -> None:
    reservation = office.limits.reserve(LIMITED, lambda: Estimate(1, 1, microusd=10))
    office.store.away = True
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    office.book.flush()
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    office.book.record(LIMITED, "m", USAGE, failed=False, reservation=reservation, microusd=1)
    assert events(office) == ["usage_spooled"]
    assert (disk.requests, len(disk.adjustments), disk.dropped) == ([1, 1, 1], 1, [])


def test_what_was_on_its_way_counts_once(office: Office, disk: Disk) -> None:
    office.store.deaf = True
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    assert events(office) == ["usage_spooled"]
    assert (office.lines()[0].requests, disk.requests) == (1, [1])


def test_a_write_in_progress_is_kept_too(office: Office, disk: Disk) -> None:
    store = office.book._writer._store = Stalling()
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    writing = Thread(target=office.book.flush)
    writing.start()
    assert store.is_writing.wait(PATIENCE_S)
    ending = Thread(target=office.book.close)
    ending.start()
    until(lambda: disk.requests == [1], "it to be kept")
    assert disk.dropped == []
    store.goes_on.set()
    writing.join()
    ending.join()
    assert [line.requests for line in store.read("acme", [TODAY])] == [1]
    assert disk.dropped == [Path("file")]


@pytest.mark.parametrize("away", [True, False])
def test_a_disk_that_cannot_be_written_loses_only_what_the_store_does_not_take(
    office: Office, disk: Disk, away: bool
) -> None:
    office.book.record(CALLER, "gpt", USAGE, failed=False)
    office.store.away, disk.fails = away, True
    assert events(office) == (["usage_lost"] if away else [])


def test_limits_are_settled_once_the_store_is_back(office: Office) -> None:
    amount = MAX_ADJUSTED + 1
    allowance = Allowance(budgets=(CostBudget(10 * amount, "total"),))
    caller = Caller(account="acme", key_id="key_1", account_limits=allowance)
    reservations = [
        office.limits.reserve(caller, lambda: Estimate(1, 1, microusd=10)) for _ in range(amount)
    ]
    office.store.away = True
    for each in reservations:
        office.book.record(caller, "m", USAGE, failed=False, reservation=each, microusd=1)
    with pytest.raises(LimitReached):
        office.limits.reserve(caller, lambda: Estimate(1, 1, microusd=1))
    office.store.away = False
    office.book.flush()
    rest = office.limits.reserve(caller, lambda: Estimate(1, 1, microusd=9 * amount))
    assert rest.standing.budget is not None
    assert rest.standing.budget.remaining == 0
    assert office.store.writes == 2
