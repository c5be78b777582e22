"""What accounts have used, by key, model and day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

#: What is counted, in the order in which it is shown.
COUNTERS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "errors",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """What one key used of one model on one day, in UTC.

    `cached_tokens` are among `input_tokens`, `reasoning_tokens` among `output_tokens`; `errors`
    are the requests that failed.
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

    def plus(self, other: UsageLine) -> UsageLine:
        """Return the sum of two lines about the same."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTERS}
        return replace(self, **sums)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The lines of one account, from day to day, both included, in UTC."""

    since: date
    until: date
    lines: tuple[UsageLine, ...]

    @property
    def total(self) -> UsageLine:
        """The sum of the lines, about nothing in particular."""
        total = UsageLine(account="", key_id="", model="", day=self.since)
        for line in self.lines:
            total = total.plus(line)
        return total
