"""Reports of what an account used, added up by group (N3).

An account may have 50,000 lines a day, by end user and metadata, and a report 366 days: what is
read is bounded, and other requests run in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from app.domain.accounts.attribution import UsageGroups
from app.domain.accounts.usage import UsageLine, UsageReport, UsageRow, UsageSums
from app.errors import InvalidRequest
from app.services.limits.usage import Period, UsageBook

#: The most that a report may add up: a month of 10,000 end users a day with three models each,
#: which takes 10 s of CPU.
MAX_ENTRIES = 1_000_000
#: The most rows of a report, some 15 MB: those of any single day are fewer.
MAX_ROWS = 60_000
#: Lines or rows after which others may run; MEASURED, one takes 10 to 20 µs.
_SLICE = 32


def usage_report(
    book: UsageBook, account: str, period: Period, groups: UsageGroups, pause: Callable[[], None]
) -> UsageReport:
    """Return what an account used; `pause` is called often and may let others run.

    Raises:
        InvalidRequest: there is too much to add up, or there are too many groups.
        StorageUnavailable: the store is unreachable.
    """
    attributed = groups.need_attribution
    size = book.size(account, period, attributed=attributed)
    if size > MAX_ENTRIES:
        raise InvalidRequest(
            f"This period has {size} entries, and a report may add up {MAX_ENTRIES}: ask for fewer "
            "days with 'from' and 'to'.",
            param="from",
            code="invalid_value",
        )
    sums = UsageSums(groups)
    for line in _in_slices(book.read(account, period, attributed=attributed), pause):
        sums.add(line)
        if len(sums) > MAX_ROWS:
            raise InvalidRequest(
                f"The report has more than {MAX_ROWS} rows: ask for fewer days with 'from' and "
                "'to', or for fewer groups.",
                param="group_by",
                code="invalid_value",
            )
    rows = (UsageRow(groups, line) for line in _in_slices(sums.lines(), pause))
    return UsageReport(period.since, period.until, rows, sums.total(period.since))


def _in_slices(items: Iterable[UsageLine], pause: Callable[[], None]) -> Iterator[UsageLine]:
    for number, item in enumerate(items):
        if not number % _SLICE:
            pause()
        yield item
