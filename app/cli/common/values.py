"""Converts what operators write on the command line; defines the options that lists share."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Any

import click

from app.domain.accounts.accounts import UNLIMITED, Allowance
from app.settings import HOSTED_TOOLS, MOST_RETENTION_DAYS, CostBudget, read_budgets

_DURATION = re.compile(r"(\d{1,9})([smhd])", flags=re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: Units for distances in time at a terminal, the largest first.
_UNITS = (("y", 31_536_000), ("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_MAX_BOUND = 2**53


class Duration(click.ParamType[int]):
    """90s, 30m, 24h or 7d, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a duration such as 90s, 30m, 24h or 7d.", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


class Moment(click.ParamType[int]):
    """2030-01-31, or 2030-01-31T12:00, with an offset or in UTC, as Unix seconds."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the Unix seconds; the moment must have a date in UTC, to be printed again."""
        try:
            moment = datetime.fromisoformat(str(value))
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date such as 2030-01-31T12:00.", param, ctx)
        return int(moment.timestamp())


class Since(click.ParamType[int]):
    """A date, or how long ago it is, as Unix seconds."""

    name = "date|duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the Unix seconds."""
        try:
            return int(time()) - Duration().convert(value, None, None)
        except click.BadParameter:
            pass
        try:
            return Moment().convert(value, None, None)
        except click.BadParameter:
            what = "is not a date such as 2030-01-31T12:00, nor a time ago such as 30m, 24h or 7d."
            self.fail(f"{value!r} {what}", param, ctx)


class EndChange(click.ParamType[tuple[int | None]]):
    """A change of an expiry: another moment, or `never`, which is (None,)."""

    name = "date|never"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None]:
        """Return the Unix seconds in a tuple, to tell no expiry from no change."""
        return (None if value == "never" else Moment().convert(value, param, ctx),)


class Bound(click.ParamType[int]):
    """A limit: a number from 1, or `unlimited`."""

    name = "number|unlimited"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the limit."""
        if value == "unlimited":
            return UNLIMITED
        if not str(value).isdecimal() or not 0 < int(value) <= _MAX_BOUND:
            self.fail(f"{value!r} is not a number from 1, nor 'unlimited'.", param, ctx)
        return int(value)


class Change(click.ParamType[tuple[int | None]]):
    """A change of a limit: a new one, or `default`, which is (None,)."""

    name = "number|unlimited|default"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None]:
        """Return the limit in a tuple, to tell no limit from no change."""
        return (None if value == "default" else Bound().convert(value, param, ctx),)


class RetentionChange(click.ParamType[tuple[int | None]]):
    """A change of retention: days from 0 to 365, `none` for ever, or `default`: (None,)."""

    name = "days|none|default"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None]:
        """Return the days in a tuple, to tell no retention from no change."""
        if value in ("none", "default"):
            return (UNLIMITED if value == "none" else None,)
        if not str(value).isdecimal() or int(value) > MOST_RETENTION_DAYS:
            what = f"{value!r} is neither a number of days from 0 to {MOST_RETENTION_DAYS}"
            self.fail(f"{what}, nor 'none' or 'default'.", param, ctx)
        return (int(value),)


class Budgets(click.ParamType[tuple[CostBudget, ...]]):
    """Budgets: 50/month, 50/month,5/day, or `unlimited`."""

    name = "amount/period,...|unlimited"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[CostBudget, ...]:
        """Return the budgets."""
        if isinstance(value, tuple):
            return value
        try:
            return read_budgets(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}.", param, ctx)


class BudgetChange(click.ParamType[tuple[tuple[CostBudget, ...] | None]]):
    """A change of budgets: new ones, or `default`, which is (None,)."""

    name = "amount/period,...|unlimited|default"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[CostBudget, ...] | None]:
        """Return the budgets in a tuple, to tell no budgets from no change."""
        return (None if value == "default" else Budgets().convert(value, param, ctx),)


class Globs(click.ParamType[tuple[str, ...]]):
    """Globs, separated by commas."""

    name = "glob,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the globs; a default value passes through here as well, unchanged."""
        if isinstance(value, tuple):
            return value
        globs = tuple(glob.strip() for glob in str(value).split(","))
        if not all(globs):
            self.fail("an empty glob matches no model; leave --models out for all.", param, ctx)
        return globs


class HostedTools(click.ParamType[tuple[tuple[str, ...] | None]]):
    """Tools that providers run: `all`, which is (None,), `none`, or types separated by commas."""

    name = "all|none|type,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, ...] | None]:
        """Return the types in a tuple, to tell all from no change."""
        if isinstance(value, tuple):
            return value
        if value in ("all", "none"):
            return (None if value == "all" else (),)
        types = [each.strip() for each in str(value).split(",")]
        if unknown := [each for each in types if each not in HOSTED_TOOLS]:
            known = ", ".join(HOSTED_TOOLS)
            self.fail(f"{unknown[0]!r} is none of {known}; or give all or none.", param, ctx)
        return (tuple(each for each in HOSTED_TOOLS if each in types),)


def changed_limits(
    limits: Allowance,
    changes: Mapping[str, tuple[int | None] | None],
    budgets: tuple[tuple[CostBudget, ...] | None] | None,
) -> Allowance:
    """Return limits with changes, by their names; a limit without a change stays."""
    bounds: dict[str, Any] = {
        name: change[0] for name, change in changes.items() if change is not None
    }
    if budgets is not None:
        bounds["budgets"] = budgets[0]
    return replace(limits, **bounds)


def date(at: int | None) -> str:
    """Return a moment in Unix seconds for people, "-" for none.

    At a terminal it is the distance from now; in a pipe the moment itself, in UTC.
    """
    if at is None:
        return "-"
    if sys.stdout.isatty():
        return distance(at - int(time()))
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"


def instant(at: float, timespec: str = "seconds") -> str:
    """Return a moment in Unix seconds as ISO 8601 in UTC; `timespec` as datetime's isoformat."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def distance(seconds: int) -> str:
    """Return a distance in seconds from now in its largest unit: "3 h ago", "in 2 d"."""
    size = abs(seconds)
    unit, factor = next((each for each in _UNITS if size >= each[1]), _UNITS[-1])
    words = f"{size // factor} {unit}"
    return f"{words} ago" if seconds <= 0 else f"in {words}"


_LIMIT_HELP = "Maximum number of entries to list."
#: Maximum number of entries that are listed; None for all.
limit = click.option("--limit", type=click.IntRange(1), metavar="N", help=_LIMIT_HELP)
#: The same, for lists that are too long to be shown whole.
short_limit = click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help=_LIMIT_HELP
)
#: Unix seconds of the oldest entry that is listed; None for all.
since = click.option(
    "--since", type=Since(), help="Only entries since this time (UTC), or since so long ago (2h)."
)
