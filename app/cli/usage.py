"""`usage`: what accounts have used, for people, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import click
from flask.cli import with_appcontext

from app.api import context
from app.cli.common.group import OperatorCommand, print_json
from app.cli.common.tables import print_table, printable
from app.domain.accounts.attribution import UsageGroups
from app.domain.accounts.usage import (
    COLUMNS,
    UsageLine,
    UsageRow,
    UsageSums,
    summed,
    usage_day,
    usage_groups,
)
from app.errors import NotFound
from app.schemas.wire.usage import USAGE_ROW

#: First characters of what spreadsheets may take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t")
_COLUMNS = {"day": "date", "key": "key_id", "model": "model", "user": "user"}


class UsageDay(click.ParamType[str]):
    """A day such as 2030-01-31, or an instant with its zone; kept as it was written."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, if it is such a day or instant."""
        try:
            usage_day(value)
        except ValueError:
            hint = "a day such as 2030-01-31, nor an instant with its zone: 2030-01-31T12:00:00Z"
            self.fail(f"{value!r} is not {hint}.", param, ctx)
        return str(value)


@click.command("usage", cls=OperatorCommand)
@click.option("--account", metavar="NAME", help="Only entries of this account.")
@click.option(
    "--from",
    "first",
    type=UsageDay(),
    metavar="YYYY-MM-DD",
    help="The first day, in UTC.  [default: 30 days]",
)
@click.option(
    "--to",
    "last",
    type=UsageDay(),
    metavar="YYYY-MM-DD",
    help="The last day, in UTC.  [default: today]",
)
@click.option(
    "--group-by",
    metavar="GROUP,...",
    default="day,key,model",
    show_default=True,
    help="What to group by: day, key, model, user, metadata.KEY.",
)
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print one line of JSON per entry.")
@with_appcontext
def usage(
    account: str | None, first: str | None, last: str | None, group_by: str, form: str | None
) -> None:
    """Show requests, tokens, errors and costs by day, account, key and model, or other groups."""
    meter = context.services().meter
    try:
        groups = usage_groups(group_by, meter.metadata_keys)
    except ValueError as error:
        raise click.BadParameter(f"it {error}.", param_hint="--group-by") from None
    since, until = first and usage_day(first), last and usage_day(last, is_end=True)
    period = meter.book.period(since or None, until or None)
    known = [each.name for each in context.services().accounts.accounts()]
    lines = (
        line
        for name in ([account] if account else known)
        for line in meter.book.read(name, period, attributed=groups.need_attribution)
    )
    sums = summed(lines, groups)
    if account and account not in known and not sums:
        raise NotFound(f"There is no account {account!r}: `accounts list` names those there are.")
    _PRINTERS[form](sums, groups)


def _print_table(sums: UsageSums, groups: UsageGroups) -> None:
    titles = _titles(groups)
    blank = ("",) * (len(titles) - len(COLUMNS) - 1)
    rows = [_cells(line, groups) for line in sums.lines()]
    heads = [title.replace("_", " ").upper() for title in titles]
    print_table(heads, [*rows, ("total", *blank, *_counted(sums.total(date.min)))])


def _print_csv(sums: UsageSums, groups: UsageGroups) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_titles(groups))
    writer.writerows(map(_inert, _cells(line, groups)) for line in sums.lines())


def _inert(cell: object) -> object:
    """Return a cell that is no formula, nor another row: callers choose users and metadata.

    owasp.org, "CSV Injection": what could begin a formula stands behind a single quote. The writer
    quotes line feeds alone, and readers end a row at a carriage return, too. What could control a
    terminal is replaced, as in tables.
    """
    if not isinstance(cell, str):
        return cell
    text = printable(cell, besides="\t\n")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _print_json(sums: UsageSums, groups: UsageGroups) -> None:
    for line in sums.lines():
        print_json({"account": line.account, **USAGE_ROW.dump(UsageRow(groups, line))})


def _titles(groups: UsageGroups) -> tuple[str, ...]:
    """Return the names of the columns: the day comes before the account."""
    names = [_COLUMNS[name] for name in groups.names if name != "day"]
    days = ("date",) if "day" in groups.names else ()
    return (*days, "account", *names, *(f"metadata.{key}" for key in groups.metadata), *COLUMNS)


def _cells(line: UsageLine, groups: UsageGroups) -> tuple[object, ...]:
    to = line.attribution
    of = {"key": line.key_id, "model": line.model, "user": to.user or ""}
    days = (line.day.isoformat(),) if "day" in groups.names else ()
    names = [of[name] for name in groups.names if name != "day"]
    values = (to.value(key) or "" for key in groups.metadata)
    return (*days, line.account, *names, *values, *_counted(line))


def _counted(line: UsageLine) -> Iterator[object]:
    """Yield the counters as they are shown: an unknown cost is empty, not 0."""
    for name in COLUMNS:
        value = getattr(line, name)
        yield "" if value is None else value


_PRINTERS: dict[str | None, Callable[[UsageSums, UsageGroups], None]] = {
    None: _print_table,
    "csv": _print_csv,
    "json": _print_json,
}
