"""Usage of accounts, by key, model and day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from operator import add, attrgetter, sub
from typing import Any

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


_counters: Callable[[UsageLine], tuple[int, ...]] = attrgetter(*COUNTERS)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The sum of some lines; only the fields of `line` that `groups` names are meaningful."""

    groups: UsageGroups
    line: UsageLine


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The usage of one account, from one day to another, both included, in UTC.

    `rows` can be read once.
    """

    since: date
    until: date
    rows: Iterable[UsageRow]
    total: UsageLine


class UsageSums:
    """Adds up lines by group, and altogether; it takes memory for each group, not for each line."""

    def __init__(self, groups: UsageGroups) -> None:
        self._groups = groups
        self._of = [_OF[name] for name in groups.names]
        self._sums: dict[tuple[str, ...], tuple[UsageLine, list[int]]] = {}

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._sums)

    def add(self, line: UsageLine) -> None:
        """Add a line."""
        counters = _counters(line)
        common = (line.account, *[of(line) for of in self._of])
        if self._groups.metadata:
            value = line.attribution.value
            common += tuple([_sortable(value(key)) for key in self._groups.metadata])
        if (before := self._sums.get(common)) is None:
            self._sums[common] = line, list(counters)
        else:
            before[1][:] = map(add, before[1], counters)

    def lines(self) -> Iterator[UsageLine]:
        """Yield the sums, sorted by group; groups without a value come first.

        Only the fields that all lines of a group have in common are meaningful.
        """
        for common in sorted(self._sums):
            line, counters = self._sums[common]
            yield replace(line, **_by_name(counters))

    def total(self, day: date) -> UsageLine:
        """Return the sum of all lines, as a line of this day."""
        columns = zip(*(counters for _, counters in self._sums.values()), strict=True)
        counters = list(map(sum, columns)) or [0] * len(COUNTERS)
        return UsageLine(account="", key_id="", model="", day=day, **_by_name(counters))


def _by_name(counters: Iterable[int]) -> dict[str, Any]:
    return dict(zip(COUNTERS, counters, strict=True))


def _sortable(value: str | None) -> str:
    return "" if value is None else f" {value}"


#: What lines of a group have in common, by the group's name.
_OF: dict[str, Callable[[UsageLine], str]] = {
    "day": lambda line: line.day.isoformat(),
    "key": lambda line: line.key_id,
    "model": lambda line: line.model,
    "user": lambda line: _sortable(line.attribution.user),
}


def summed(lines: Iterable[UsageLine], groups: UsageGroups = DEFAULT_GROUPS) -> UsageSums:
    """Return the lines added up by group."""
    sums = UsageSums(groups)
    for line in lines:
        sums.add(line)
    return sums


def parts(whole: Iterable[UsageLine], attributed: Iterable[UsageLine]) -> Iterator[UsageLine]:
    """Yield the lines with an attribution, then what is left of the whole lines without them.

    All are of one account and day.
    """
    lines = {(line.key_id, line.model): line for line in whole}
    left = {key: _counters(line) for key, line in lines.items()}
    for line in attributed:
        if (key := (line.key_id, line.model)) in left:
            left[key] = tuple(map(sub, left[key], _counters(line)))
            yield line
    for key, counters in left.items():
        if max(counters) > 0:
            yield replace(lines[key], **_by_name(max(0, n) for n in counters))


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
