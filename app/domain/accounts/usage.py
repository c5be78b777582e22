"""What accounts have used, by key, model and day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

#: What is counted. Those that an earlier release does not know come last.
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
#: What is shown, in that order.
SHOWN = (
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
    """What one key used of one model on one day, in UTC.

    `cached_tokens` and `cache_write_tokens` are among `input_tokens`, `reasoning_tokens` among
    `output_tokens`; `errors` are the requests that failed. `known_microusd` is what the
    `priced_requests` cost, in millionths of a US dollar.
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

    @property
    def unpriced_requests(self) -> int:
        """How many requests nobody knows the cost of, among them all of earlier releases."""
        return max(0, self.requests - self.priced_requests)

    @property
    def cost_microusd(self) -> int | None:
        """The sum of the costs that are known; None where there are requests, and none is."""
        return self.known_microusd if self.priced_requests or not self.requests else None

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
