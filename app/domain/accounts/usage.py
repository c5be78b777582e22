"""Usage of accounts, by key, model and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from app.domain.accounts.attribution import (
    DEFAULT_GROUPS,
    METADATA,
    NAMES,
    NOBODY,
    Attribution,
    UsageGroups,
)

#: The counters. Those that an earlier release does not know come last.
COUNTERS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "errors",
    "cache_write_tokens",
    "priced_requests",
    "known_microusd",
)
#: The columns that are shown, in order.
COLUMNS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "errors",
    "cost_microusd",
    "unpriced_requests",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """Usage of one model by one key on one day, in UTC; and for whom, if that is counted.

    `cached_tokens` and `cache_write_tokens` are among `input_tokens`, `reasoning_tokens` among
    `output_tokens`; `errors` are the requests that failed. `known_microusd` is what the
    `priced_requests` cost, in millionths of a US dollar. A line that is written several times with
    the same `write_id` counts once; without one it counts each time.
    """

    account: str
    key_id: str
    model: str
    day: date
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    errors: int = 0
    cache_write_tokens: int = 0
    priced_requests: int = 0
    known_microusd: int = 0
    attribution: Attribution = NOBODY
    write_id: str = field(default="", compare=False)

    @property
    def unpriced_requests(self) -> int:
        """Number of requests whose cost is unknown, including all of earlier releases."""
        return max(0, self.requests - self.priced_requests)

    @property
    def cost_microusd(self) -> int | None:
        """The sum of the known costs; None if there are requests but no cost is known."""
        return self.known_microusd if self.priced_requests or not self.requests else None

    def plus(self, other: UsageLine) -> UsageLine:
        """Return the sum of two lines of the same key, model and day."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTERS}
        return replace(self, **sums)

    def minus(self, other: UsageLine) -> UsageLine:
        """Return this line less another one that is a part of it."""
        left = {name: max(0, getattr(self, name) - getattr(other, name)) for name in COUNTERS}
        return replace(self, **left)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The sum of some lines; only the fields of `line` that `groups` names are meaningful."""

    groups: UsageGroups
    line: UsageLine


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The lines of one account, from one day to another, both included, in UTC."""

    since: date
    until: date
    lines: tuple[UsageLine, ...]
    groups: UsageGroups = DEFAULT_GROUPS

    @property
    def rows(self) -> tuple[UsageRow, ...]:
        """The lines, added up by group."""
        return tuple(UsageRow(self.groups, line) for line in grouped(self.lines, self.groups))

    @property
    def total(self) -> UsageLine:
        """The sum of all lines."""
        total = UsageLine(account="", key_id="", model="", day=self.since)
        for line in self.lines:
            total = total.plus(line)
        return total


def grouped(lines: Iterable[UsageLine], groups: UsageGroups) -> list[UsageLine]:
    """Return the lines added up by group and sorted by it; lines without a value come first."""
    sums: dict[tuple[str, ...], UsageLine] = {}
    for line in lines:
        common = _common(line, groups)
        before = sums.get(common)
        sums[common] = before.plus(line) if before else line
    return [line for _, line in sorted(sums.items(), key=lambda pair: pair[0])]


def _common(line: UsageLine, groups: UsageGroups) -> tuple[str, ...]:
    of = {
        "day": line.day.isoformat(),
        "key": line.key_id,
        "model": line.model,
        "user": _sortable(line.attribution.user),
    }
    values = (_sortable(line.attribution.value(key)) for key in groups.metadata)
    return (line.account, *(of[name] for name in groups.names), *values)


def _sortable(value: str | None) -> str:
    return "" if value is None else f" {value}"


def usage_groups(text: str, metadata_keys: Iterable[str]) -> UsageGroups:
    """Return the groups that a comma-separated list names.

    Raises ValueError for an unknown name; its message lists the valid ones.
    """
    chosen = tuple(f"{METADATA}{key}" for key in metadata_keys)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name in NAMES or name in chosen:
            continue
        if name.startswith(METADATA):
            raise ValueError(
                f"has {name[:80]!r}, which is not counted: [usage] metadata_keys in gateway.toml "
                "says which keys of metadata are, from then on"
            )
        known = ", ".join((*NAMES, *(chosen or (f"{METADATA}KEY",))))
        raise ValueError(f"takes a list of {known} with commas between them, not {name[:80]!r}")
    return UsageGroups(
        tuple(name for name in NAMES if name in names),
        tuple(name.removeprefix(METADATA) for name in dict.fromkeys(names) if name in chosen),
    )


def usage_day(text: str, *, is_end: bool = False) -> date:
    """Return the UTC day for a date such as 2030-01-31 or a time with its zone.

    A time that ends a period is exclusive: midnight ends the day before.

    Raises ValueError for anything else.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        # In a query string an unencoded plus has become a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs its zone")
    try:
        in_utc = moment.astimezone(UTC)
        return (in_utc - timedelta(microseconds=1) if is_end else in_utc).date()
    except OverflowError:
        raise ValueError("no day of any use") from None
