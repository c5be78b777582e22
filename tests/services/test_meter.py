"""What an answer costs its caller: by who answered, what was counted, and the tier that served."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.prices import ALWAYS_VALID, Band, Cost, Price, Rates, Tariff, configured, rate
from app.domain.response import NO_USAGE, Usage
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.usage import UsageBook
from app.services.upstreams.catalog import Target
from app.services.upstreams.router import UpstreamAnswer
from app.settings import LimitSettings, PriceSettings
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.services.clocks import Clock
from tests.services.scripted import ScriptedProvider

TARIFF = configured(
    PriceSettings(input=Decimal(1), output=Decimal(2), tiers={"flex": Decimal("0.5")})
)
USAGE = Usage(100, 10)


@pytest.fixture
def meter() -> Meter:
    limits, clock = MemoryRateLimitStore(), Clock()
    limiter = RateLimiter(limits, LimitSettings(), lambda: "lease", lambda: None)
    book = UsageBook(MemoryUsageStore(limits.adjust), clock, lambda: None)
    return Meter(limiter, book, clock)


def opened(tariff: Tariff | None = TARIFF, *ignored: str) -> UpstreamAnswer:
    target = Target("m", ScriptedProvider("p"), "m", tariff=tariff, label="m")
    return UpstreamAnswer(target, "p", ignored, 1, 0.1, iter(()))


def test_an_answer_costs_what_its_model_s_price_says(meter: Meter) -> None:
    assert meter.cost(opened(), USAGE, "default") == Cost(120, "p", "m")


def test_the_tier_that_served_counts(meter: Meter) -> None:
    assert meter.cost(opened(), USAGE, "flex").microusd == 60


def test_a_tier_that_the_upstream_was_never_sent_counts_as_the_usual_one(meter: Meter) -> None:
    assert meter.cost(opened(TARIFF, "service_tier"), USAGE, "flex").microusd == 120


@pytest.mark.parametrize("usage", [None, NO_USAGE], ids=["unknown", "not counted"])
def test_the_cost_of_what_nobody_counted_is_not_known(meter: Meter, usage: Usage | None) -> None:
    assert meter.cost(opened(), usage, "default") == Cost(None, "p", "m")


def test_without_a_price_the_cost_is_not_known(meter: Meter) -> None:
    assert meter.cost(opened(None), USAGE, "default") == Cost(None, "p", "m")


def rates(usd: int) -> Rates:
    return Rates(**{each: rate(Decimal(usd)) for each in Rates.__slots__})


def test_calls_of_one_answer_are_priced_each_by_itself(meter: Meter) -> None:
    bands = (Band(0, rates(1)), Band(150, rates(10)))
    rising = Tariff(((ALWAYS_VALID, Price(bands)),))
    cheap, dear = opened(rising), opened(TARIFF)
    cheap.before = cheap.target, USAGE
    together = meter.cost(cheap, USAGE.plus(USAGE), "default").microusd
    cheap.before = None
    assert together == 2 * (meter.cost(cheap, USAGE, "default").microusd or 0)
    dear.before = opened(None).target, USAGE
    assert meter.cost(dear, USAGE.plus(USAGE), "default") == Cost(None, "p", "m")
