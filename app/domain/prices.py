"""Costs of answers: prices of tokens, and exact sums in whole millionths of a US dollar.

A price is in USD per million tokens, which is µUSD per token. Rates are integers in 1/UNIT µUSD per
token, so that sums do not drift; an answer's cost is rounded once, half up, to a µUSD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from app.domain.frozen import frozen_dataclass
from app.domain.response import Usage
from app.settings import PriceSettings

#: Prices and factors have at most PLACES decimals each: their products are integers in this unit.
PLACES = 6
UNIT: int = 10 ** (2 * PLACES)

MICROUSD = 10**6
_DAY_S = 86_400
#: The tier whose price applies if a tier has none of its own, before the usual one.
_NEAREST = {"fast": "priority"}


def rate(usd: Decimal) -> int:
    """Convert USD per million tokens to a rate, rounded to its unit."""
    return round(usd * UNIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The price of a token of each kind.

    Tokens read from a cache, or written to one for five minutes or an hour, do not count as
    `input`, nor reasoning tokens as `output`.
    """

    input: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int

    def cost(self, usage: Usage) -> int:
        """Return the cost of this usage, in µUSD."""
        cached, written = usage.cached_tokens, usage.cache_write_tokens
        reasoning = usage.reasoning_tokens
        for_an_hour = min(usage.cache_write_1h_tokens, written)
        exact = (
            max(0, usage.input_tokens - cached - written) * self.input
            + cached * self.cached_input
            + (written - for_an_hour) * self.cache_write
            + for_an_hour * self.cache_write_1h
            + max(0, usage.output_tokens - reasoning) * self.output
            + reasoning * self.reasoning
        )
        return (exact + UNIT // 2) // UNIT

    def dearest(self, input_tokens: int, output_tokens: int) -> int:
        """Return the maximum cost of so many tokens of whatever kind, in µUSD."""
        dearest_input = max(self.input, self.cached_input, self.cache_write, self.cache_write_1h)
        exact = input_tokens * dearest_input + output_tokens * max(self.output, self.reasoning)
        return -(-exact // UNIT)

    def times(self, factor: Decimal) -> Rates:
        """Return these rates multiplied by a factor of at most PLACES decimals."""
        return Rates(
            input=round(self.input * factor),
            cached_input=round(self.cached_input * factor),
            cache_write=round(self.cache_write * factor),
            cache_write_1h=round(self.cache_write_1h * factor),
            output=round(self.output * factor),
            reasoning=round(self.reasoning * factor),
        )


@dataclass(frozen=True, slots=True)
class Band:
    """The rates of a request, for all its tokens, if its input has more than `above` tokens."""

    above: int
    rates: Rates


#: Bands by increasing input; the first applies to any input.
Bands = tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """A model's price: the usual one, and those of service tiers that differ."""

    usual: Bands
    tiers: Mapping[str, Bands] = field(default_factory=lambda: MappingProxyType({}))

    def cost(self, usage: Usage, tier: str) -> int:
        """Return the cost of an answer served in this tier, in µUSD."""
        return _rates(self._bands(tier), usage.input_tokens).cost(usage)

    def dearest(self, input_tokens: int, output_tokens: int, tier: str) -> int:
        """Return the maximum cost of so many tokens, in µUSD, in this tier or the usual way."""
        return max(
            _rates(bands, input_tokens).dearest(input_tokens, output_tokens)
            for bands in (self.usual, self._bands(tier))
        )

    def _bands(self, tier: str) -> Bands:
        return self.tiers.get(tier) or self.tiers.get(_NEAREST.get(tier, ""), self.usual)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a price is valid: from a Unix time on, and daily between two seconds of the day (UTC).

    The daily range goes past midnight if its second limit is smaller than the first.
    """

    since: int | None = None
    daily: tuple[int, int] | None = None

    def covers(self, now: float) -> bool:
        """Return whether the price is valid at this Unix time."""
        if self.since is not None and now < self.since:
            return False
        if self.daily is None:
            return True
        start, end = self.daily
        second = now % _DAY_S
        return start <= second < end if start <= end else second >= start or second < end


ALWAYS_VALID = Validity()


@dataclass(frozen=True, slots=True)
class Tariff:
    """A model's prices over time: the last valid one applies, the first if none is valid."""

    prices: tuple[tuple[Validity, Price], ...]

    def at(self, now: float) -> Price:
        """Return the price at this Unix time."""
        if len(self.prices) > 1:
            for validity, price in reversed(self.prices):
                if validity.covers(now):
                    return price
        return self.prices[0][1]


@frozen_dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an answer in µUSD, None if unknown; and which provider is paid for which model.

    `provider` and `model` are metric labels: they never come from a caller. `is_counted` is false
    if an upstream has not counted what it was paid for: no tokens that are known are all of them.
    """

    microusd: int | None
    provider: str = "none"
    model: str = "other"
    is_counted: bool = True


#: The cost of a request that no upstream has answered.
FREE = Cost(0)
UNKNOWN_COST = Cost(None)


def usd(microusd: int) -> str:
    """Format an amount in USD with all six decimals: `12.345678`."""
    whole, millionths = divmod(abs(microusd), MICROUSD)
    return f"{'-' if microusd < 0 else ''}{whole}.{millionths:06}"


def configured(price: PriceSettings) -> Tariff:
    """Return the tariff for a price in gateway.toml; a missing rate is that of the nearest kind."""
    cache_write = price.input if price.cache_write is None else price.cache_write
    rates = Rates(
        input=rate(price.input),
        cached_input=rate(price.input if price.cached_input is None else price.cached_input),
        cache_write=rate(cache_write),
        cache_write_1h=rate(cache_write),
        output=rate(price.output),
        reasoning=rate(price.output if price.reasoning is None else price.reasoning),
    )
    tiers = {tier: (Band(0, rates.times(factor)),) for tier, factor in price.tiers.items()}
    return Tariff(((ALWAYS_VALID, Price((Band(0, rates),), tiers)),))


def dearest(
    tariffs: Iterable[Tariff | None], now: float, input_tokens: int, output_tokens: int, tier: str
) -> int:
    """Return the maximum cost of a request in µUSD, whichever of these models answers it.

    A model without a known price counts as 0.
    """
    return max(
        (
            tariff.at(now).dearest(input_tokens, output_tokens, tier)
            for tariff in tariffs
            if tariff is not None
        ),
        default=0,
    )


def _rates(bands: Bands, input_tokens: int) -> Rates:
    if len(bands) > 1:
        for band in reversed(bands):
            if input_tokens > band.above:
                return band.rates
    return bands[0].rates
