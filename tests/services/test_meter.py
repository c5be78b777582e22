"""What an answer costs its caller: by who answered, what was counted, and the tier that served."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from app.domain.accounts.accounts import NO_ALLOWANCE, Caller
from app.domain.estimates import Estimate
from app.domain.prices import ALWAYS_VALID, Band, Cost, Price, Rates, Tariff, configured, rate
from app.domain.request import CreateRequest, Parameters
from app.domain.response import NO_USAGE, Response, Usage
from app.errors import CallerGone
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.reservation import Reservation
from app.services.limits.usage import UsageBook
from app.services.upstreams.catalog import Target
from app.services.upstreams.router import EndedCall, UpstreamAnswer
from app.settings import LimitSettings, PriceSettings
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.services.clocks import Clock
from tests.services.scripted import ScriptedProvider

TARIFF = configured(
    PriceSettings(input=Decimal(1), output=Decimal(2), tiers={"flex": Decimal("0.5")})
)
USAGE = Usage(100, 10)
CALLER = Caller(account="acme", key_id="key_1")


@pytest.fixture
def meter() -> Meter:
    limits, clock = MemoryRateLimitStore(), Clock(1_893_499_200.0)
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
    assert meter.cost(opened(), usage, "default") == Cost(None, "p", "m", is_counted=False)


def test_without_a_price_the_cost_is_not_known(meter: Meter) -> None:
    assert meter.cost(opened(None), USAGE, "default") == Cost(None, "p", "m")


def rates(usd: int) -> Rates:
    return Rates(**{each: rate(Decimal(usd)) for each in Rates.__slots__})


def test_calls_of_one_answer_are_priced_each_by_itself(meter: Meter) -> None:
    bands = (Band(0, rates(1)), Band(150, rates(10)))
    rising = Tariff(((ALWAYS_VALID, Price(bands)),))
    cheap, dear = opened(rising), opened(TARIFF)
    cheap.before = (EndedCall(cheap.target, USAGE, "default"),)
    together = meter.cost(cheap, USAGE.plus(USAGE), "default").microusd
    cheap.before = ()
    assert together == 2 * (meter.cost(cheap, USAGE, "default").microusd or 0)
    dear.before = (EndedCall(opened(None).target, USAGE, "default"),)
    assert meter.cost(dear, USAGE.plus(USAGE), "default") == Cost(None, "p", "m")


def test_each_call_of_an_answer_costs_what_the_tier_that_served_it_costs(meter: Meter) -> None:
    answer = opened(TARIFF, "service_tier")  # a fallback, which knows no tiers
    answer.before = (EndedCall(opened().target, USAGE, "flex"),)
    assert meter.cost(answer, USAGE.plus(USAGE), "flex").microusd == 60 + 120


def test_calls_before_a_failure_are_all_that_an_answer_costs(meter: Meter) -> None:
    answer = opened()
    answer.before = (EndedCall(answer.target, USAGE, "default"),)
    assert meter.cost(answer, USAGE, "default") == Cost(None, "p", "m", is_counted=False)
    answer.has_failed = True
    assert meter.cost(answer, USAGE, "default") == Cost(120, "p", "m")


LIMITED = replace(CALLER, account_limits=replace(NO_ALLOWANCE, tokens_per_minute=1000))


def reserved(meter: Meter) -> Reservation:
    """Return what is reserved for a request of an estimated 300 tokens."""
    return meter.limiter.reserve(LIMITED, lambda: Estimate(100, 200))


def left(meter: Meter) -> int:
    """Return how many of the minute's 1,000 tokens are left."""
    tokens = meter.limiter.reserve(LIMITED, lambda: Estimate(0, 0)).standing.tokens
    assert tokens is not None
    return tokens.remaining


@pytest.mark.parametrize(("is_counted", "remaining"), [(True, 890), (False, 700)])
def test_an_answer_that_is_counted_in_part_keeps_its_estimate(
    meter: Meter, is_counted: bool, remaining: int
) -> None:
    cost = Cost(None, is_counted=is_counted)
    meter.charge_unanswered(prepared("m"), reserved(meter), (USAGE, cost))
    assert left(meter) == remaining


@pytest.mark.parametrize(("attempts", "remaining"), [(0, 1000), (1, 700)])
def test_an_answer_for_which_no_upstream_was_called_gives_its_estimate_back(
    meter: Meter, attempts: int, remaining: int
) -> None:
    answer = opened()
    answer.attempts = attempts
    response = Response("resp_1", "m", 1, {}, "cancelled")
    cost = meter.cost(answer, None, "default")
    meter.charge_answer(CALLER, response, None, reserved(meter), Parameters(user="bob"), cost)
    assert left(meter) == remaining
    assert cost.microusd == (None if attempts else 0)


@pytest.mark.parametrize(("status", "errors"), [("cancelled", 0), ("failed", 1)])
def test_what_its_caller_has_cancelled_is_no_error(
    meter: Meter, status: Literal["cancelled", "failed"], errors: int
) -> None:
    response = Response("resp_1", "m", 1, {}, status, usage=USAGE)
    meter.charge_answer(CALLER, response, CallerGone("gone"), reserved(meter), Parameters())
    (line,) = meter.book.read("acme", meter.book.period(None, None))
    assert line.errors == errors


# The names of models in the book


def prepared(model: str) -> Any:
    """Return what is looked at of a request."""
    request = CreateRequest(model=model, input=(), parameters=Parameters(user="bob"))
    return SimpleNamespace(request=request, caller=CALLER)


def names(meter: Meter) -> list[str]:
    lines = list(meter.book.read("acme", meter.book.period(None, None), attributed=True))
    assert {line.attribution.user for line in lines} == {"bob"}
    return sorted(line.model for line in lines)


def unanswered(meter: Meter, model: str) -> None:
    reservation = meter.limiter.reserve(CALLER, lambda: Estimate(1, 1))
    meter.charge_unanswered(prepared(model), reservation)


def answered(meter: Meter, model: str, usage: Usage) -> None:
    response = Response("resp_1", model, 1, {}, "completed", usage=usage)
    reservation = meter.limiter.reserve(CALLER, lambda: Estimate(1, 1))
    meter.charge_answer(CALLER, response, None, reservation, Parameters(user="bob"), Cost(1))


def test_a_refused_model_that_a_caller_made_up_has_no_line_of_its_own(meter: Meter) -> None:
    meter.label_of = lambda model: model if model == "known" else "other"
    for model in ("invented 1", "invented 2", "known"):
        unanswered(meter, model)
    assert names(meter) == ["(other)", "known"]


def test_a_model_that_has_answered_has_a_line_of_its_own_from_then_on(meter: Meter) -> None:
    meter.label_of = lambda _: "other"
    answered(meter, "gpt-new", Usage(1, 1))
    unanswered(meter, "gpt-new")
    answered(meter, "invented", NO_USAGE)
    assert names(meter) == ["(other)", "gpt-new"]
