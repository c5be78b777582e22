"""A report adds up whatever an account used, in slices, or says what to ask for instead."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.accounts.attribution import Attribution, UsageGroups
from app.domain.accounts.usage import UsageLine, UsageReport, usage_groups
from app.errors import InvalidRequest
from app.services.limits import usage_reports
from app.services.limits.usage import Period, UsageBook
from app.services.limits.usage_reports import usage_report
from tests.memory_stores.usage import MemoryUsageStore

TODAY = date(2030, 1, 31)
DAYS, USERS = 3, 100


class Office:
    """A book in which some end users have used something on each of some days."""

    def __init__(self) -> None:
        self.store = MemoryUsageStore(lambda _: None)
        self.book = UsageBook(self.store, lambda: 0.0, lambda: None)
        self.pauses = 0
        for day in range(DAYS):
            self.store.record([self.line(day, user) for user in range(USERS)])

    def line(self, day: int, user: int) -> UsageLine:
        to = Attribution(f"user {user}")
        own = {"account": "acme", "key_id": "key_1", "model": "m", "attribution": to}
        own |= {"day": TODAY - timedelta(day), "requests": 1, "input_tokens": user}
        return UsageLine(**own)  # type: ignore[arg-type]  # of several types

    def report(self, groups: str, days: int = DAYS) -> UsageReport:
        period = Period(TODAY - timedelta(days - 1), TODAY)
        by: UsageGroups = usage_groups(groups, [])
        return usage_report(self.book, "acme", period, by, self.pause)

    def pause(self) -> None:
        self.pauses += 1


@pytest.fixture
def office() -> Office:
    return Office()


def test_lines_of_many_days_are_added_up_by_end_user(office: Office) -> None:
    report = office.report("user")
    rows = list(report.rows)
    assert [row.line.attribution.user for row in rows] == sorted(f"user {n}" for n in range(USERS))
    assert {row.line.requests for row in rows} == {DAYS}
    assert (report.total.requests, report.total.input_tokens) == (DAYS * USERS, DAYS * 4950)


@pytest.mark.parametrize(
    ("most", "groups", "days", "param"),
    [("MAX_ENTRIES", "user", DAYS, "from"), ("MAX_ROWS", "day,user", 2, "group_by")],
)
def test_more_than_a_report_can_hold_is_refused_with_the_remedy(
    office: Office, monkeypatch: pytest.MonkeyPatch, most: str, groups: str, days: int, param: str
) -> None:
    monkeypatch.setattr(usage_reports, most, days * USERS)
    assert len(list(office.report(groups, days).rows)) in (USERS, days * USERS)
    monkeypatch.setattr(usage_reports, most, days * USERS - 1)
    with pytest.raises(InvalidRequest, match="'from' and 'to'") as refused:
        office.report(groups, days)
    assert refused.value.param == param
    if param == "from":
        assert office.report("day,key,model", days).total.requests == days * USERS


def test_others_may_run_while_lines_are_added_up_and_rows_written(office: Office) -> None:
    def pauses(make: Any) -> int:
        before = office.pauses
        make()
        return office.pauses - before

    report: list[UsageReport] = []
    assert pauses(lambda: report.append(office.report("user"))) > DAYS * USERS / 50
    assert pauses(lambda: list(report[0].rows)) > USERS / 50
