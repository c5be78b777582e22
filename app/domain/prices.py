"""What answers cost: prices of tokens, and exact sums in whole millionths of a US dollar.

A price is USD a million tokens, which is µUSD a token. Rates are whole numbers of 1/UNIT µUSD a
token, so that no sum drifts; an answer's cost is rounded once, to the nearest µUSD, half up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from app.domain.frozen import frozen_dataclass
from app.domain.response import Usage
from app.settings import PriceSettings

#: Prices and factors have at most PLACES decimals each: their products are whole in this unit.
PLACES = 6
UNIT: int = 10 ** (2 * PLACES)

MICROUSD = 10**6
_DAY_S = 86_400
#: What a tier is charged as where it has no price of its own, before the usual one.
_NEAREST = {"fast": "priority"}


def rate(usd: Decimal) -> int:
    """Return USD a million tokens as a rate; what lies below its unit is rounded."""
    return round(usd * UNIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a token of each kind costs. Those that were read from a cache, or written to one for
    five minutes or an hour, are no plain input, and those of reasoning no plain output."""

    input: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int

    def cost(self, usage: Usage) -> int:
        """Return what so many tokens cost, in µUSD."""
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
        """Return the most that so many tokens may cost, of whatever kind they turn out to be."""
        dearest_input = max(self.input, self.cached_input, self.cache_write, self.cache_write_1h)
        exact = input_tokens * dearest_input + output_tokens * max(self.output, self.reasoning)
        return -(-exact // UNIT)

    def times(self, factor: Decimal) -> Rates:
        """Return these rates, each times a factor of at most PLACES decimals."""
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
    """The rates of a whole request whose input is more than `above` tokens."""

    above: int
    rates: Rates


#: Bands from the least input to the most; the first is of every input.
Bands = tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs: in the usual way, and in the service tiers that have other prices."""

    usual: Bands
    tiers: Mapping[str, Bands] = field(default_factory=lambda: MappingProxyType({}))

    def cost(self, usage: Usage, tier: str) -> int:
        """Return what an answer that this tier served costs, in µUSD."""
        return _rates(self._bands(tier), usage.input_tokens).cost(usage)

    def dearest(self, input_tokens: int, output_tokens: int, tier: str) -> int:
        """Return the most that so many tokens may cost, in µUSD, by this tier or the usual way."""
        return max(
            _rates(bands, input_tokens).dearest(input_tokens, output_tokens)
            for bands in (self.usual, self._bands(tier))
        )

    def _bands(self, tier: str) -> Bands:
        return self.tiers.get(tier) or self.tiers.get(_NEAREST.get(tier, ""), self.usual)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a price holds: from a Unix time on; daily from one second of the day (UTC) to another,
    over midnight where the second is the smaller."""

    since: int | None = None
    daily: tuple[int, int] | None = None

    def covers(self, now: float) -> bool:
        """Return whether it holds at this Unix time."""
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
    """A model's prices over time: the last that holds counts, the first where none does."""

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
    """What an answer cost, in µUSD, None where nobody knows; and who is paid for which model.

    `provider` and `model` are names for metrics: none of them is a caller's invention.
    """

    microusd: int | None
    provider: str = "none"
    model: str = "other"


#: The cost of a request that no upstream has answered.
FREE = Cost(0)
UNKNOWN_COST = Cost(None)


def usd(microusd: int) -> str:
    """Return an amount with all of its six decimals: `12.345678`."""
    whole, millionths = divmod(abs(microusd), MICROUSD)
    return f"{'-' if microusd < 0 else ''}{whole}.{millionths:06}"


def configured(price: PriceSettings) -> Tariff:
    """Return a price of gateway.toml; what it leaves out costs as its nearest kin."""
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
    """Return the most, in µUSD, that a request may cost of whichever model answers it.

    A model whose price is not known counts as nothing.
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
