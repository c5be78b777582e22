"""`usage`: what accounts have used, for people, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime

import click
from flask.cli import with_appcontext

from app.api import context
from app.cli.common.group import OperatorCommand, print_json, print_table
from app.domain.accounts.usage import SHOWN, UsageLine, UsageReport
from app.schemas.wire.usage import USAGE_LINE

_DAY = click.DateTime(["%Y-%m-%d"])
_TITLES = ("date", "account", "key_id", "model", *SHOWN)


@click.command("usage", cls=OperatorCommand)
@click.option("--account", metavar="NAME", help="Only this account's.")
@click.option(
    "--from",
    "first",
    type=_DAY,
    metavar="YYYY-MM-DD",
    help="The first day, UTC.  [default: 30 days]",
)
@click.option(
    "--to", "last", type=_DAY, metavar="YYYY-MM-DD", help="The last day, UTC.  [default: today]"
)
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print a line of JSON for each.")
@with_appcontext
def usage(
    account: str | None, first: datetime | None, last: datetime | None, form: str | None
) -> None:
    """Show requests, tokens and errors by day, account, key and model."""
    book = context.services().meter.book
    period = book.period(first and first.date(), last and last.date())
    names = [account] if account else [each.name for each in context.services().accounts.accounts()]
    lines = [line for name in names for line in book.read(name, period)]
    _PRINTERS[form](lines)


def _print_table(lines: list[UsageLine]) -> None:
    sums = UsageReport(date.min, date.max, tuple(lines)).total
    total = ("total", "", "", "", *_counted(sums))
    titles = [title.replace("_", " ").upper() for title in _TITLES]
    print_table(titles, [*map(_cells, lines), total])


def _print_csv(lines: list[UsageLine]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_TITLES)
    writer.writerows(map(_cells, lines))


def _print_json(lines: list[UsageLine]) -> None:
    for line in lines:
        print_json({"account": line.account, **USAGE_LINE.dump(line)})


def _cells(line: UsageLine) -> tuple[object, ...]:
    return (line.day.isoformat(), line.account, line.key_id, line.model, *_counted(line))


def _counted(line: UsageLine) -> Iterator[object]:
    """Yield the counters as they are shown: an unknown cost is empty, and no 0."""
    for name in SHOWN:
        value = getattr(line, name)
        yield "" if value is None else value


_PRINTERS: dict[str | None, Callable[[list[UsageLine]], None]] = {
    None: _print_table,
    "csv": _print_csv,
    "json": _print_json,
}
