"""What answers cost: exact sums, by kind of token, service tier and size of the input."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.prices import (
    ALWAYS_VALID,
    Band,
    Price,
    Rates,
    Tariff,
    Validity,
    configured,
    dearest,
    rate,
    usd,
)
from app.domain.response import Usage
from app.settings import PriceSettings

DAY_S = 86_400
NOON = 1_893_499_200.0  # 2030-01-01, 12:00 UTC


def settings(**rates: str) -> PriceSettings:
    exact: dict[str, Any] = {name: Decimal(value) for name, value in rates.items()}
    return PriceSettings(**exact)


def price(**rates: str) -> Price:
    return configured(settings(**rates)).at(NOON)


def flat(usd_each: str) -> Rates:
    each = rate(Decimal(usd_each))
    return Rates(
        input=each,
        cached_input=each,
        cache_write=each,
        cache_write_1h=each,
        output=each,
        reasoning=each,
    )


FULL = price(input="3", cached_input="0.3", cache_write="3.75", output="15", reasoning="20")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1000, 0), 3000),
        (Usage(1000, 0, cached_tokens=1000), 300),
        (Usage(1000, 0, cache_write_tokens=1000), 3750),
        (Usage(1000, 100, 200, 300, 40), 500 * 3 + 60 + 1125 + 60 * 15 + 40 * 20),
        (Usage(), 0),
    ],
    ids=["input", "read from a cache", "written to a cache", "all together", "nothing"],
)
def test_each_kind_of_token_has_its_price(usage: Usage, cost: int) -> None:
    assert FULL.cost(usage, "default") == cost


def test_what_has_no_price_of_its_own_costs_as_its_nearest_kin() -> None:
    plain = price(input="3", output="15")
    usage = Usage(1000, 100, 200, 300, 40)
    assert plain.cost(usage, "default") == 1000 * 3 + 100 * 15


def test_tokens_that_are_counted_beside_the_output_are_paid_for() -> None:
    assert FULL.cost(Usage(0, 10, reasoning_tokens=300), "default") == 300 * 20


def test_a_cache_for_an_hour_has_its_own_price() -> None:
    hour = rate(Decimal(6))
    rates = flat("3.75")
    bands = (Band(0, Rates(**{**_fields(rates), "cache_write_1h": hour})),)
    usage = Usage(1000, 0, cache_write_tokens=1000, cache_write_1h_tokens=400)
    assert Price(bands).cost(usage, "default") == 600 * 3.75 + 400 * 6


def _fields(rates: Rates) -> dict[str, int]:
    return {name: getattr(rates, name) for name in Rates.__slots__}


def test_a_cost_is_rounded_once_to_the_nearest_half_up() -> None:
    tenth = price(input="0.1", output="0.1")
    assert [tenth.cost(Usage(tokens, 0), "default") for tokens in (4, 5, 14, 15)] == [0, 1, 1, 2]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.decimals("0.000001", "1000", places=6))
def test_a_cost_is_exact(given_tokens: int, said: int, usd_each: Decimal) -> None:
    exact = (given_tokens + said) * usd_each
    cost = price(input=str(usd_each), output=str(usd_each)).cost(Usage(given_tokens, said), "auto")
    assert abs(cost - exact) <= Decimal("0.5")


def test_a_tier_is_charged_by_its_factor() -> None:
    tiers = {"flex": Decimal("0.5"), "priority": Decimal("2")}
    tiered = configured(PriceSettings(input=Decimal(3), output=Decimal(15), tiers=tiers)).at(NOON)
    usage = Usage(1000, 100)
    costs = {
        tier: tiered.cost(usage, tier)
        for tier in ("default", "auto", "flex", "priority", "fast", "scale")
    }
    assert costs == {
        "default": 4500,
        "auto": 4500,
        "flex": 2250,
        "priority": 9000,
        "fast": 9000,
        "scale": 4500,
    }


def test_a_large_input_makes_the_whole_request_dearer() -> None:
    bands = Price((Band(0, flat("1")), Band(200_000, flat("2"))))
    costs = [bands.cost(Usage(tokens, 10), "default") for tokens in (199_999, 200_000, 200_001)]
    assert costs == [200_009, 200_010, 400_022]


def test_a_price_begins_on_its_day() -> None:
    old, new = Price((Band(0, flat("1")),)), Price((Band(0, flat("2")),))
    tariff = Tariff(((ALWAYS_VALID, old), (Validity(since=int(NOON)), new)))
    assert [tariff.at(NOON - 1), tariff.at(NOON)] == [old, new]


@pytest.mark.parametrize(("hour", "holds"), [(11, False), (12, True), (13, True), (14, False)])
def test_a_price_of_some_hours_holds_in_them_every_day(hour: int, *, holds: bool) -> None:
    validity = Validity(daily=(12 * 3600, 14 * 3600))
    midnight = NOON - 12 * 3600
    days = [midnight + day * DAY_S + hour * 3600 for day in range(3)]
    assert [validity.covers(at) for at in days] == [holds] * 3


@pytest.mark.parametrize(("hour", "holds"), [(21, False), (22, True), (1, True), (2, False)])
def test_hours_may_go_over_midnight(hour: int, *, holds: bool) -> None:
    validity = Validity(daily=(22 * 3600, 2 * 3600))
    assert validity.covers(NOON - 12 * 3600 + hour * 3600) is holds


@given(
    st.integers(0, 500_000),
    st.integers(0, 10_000),
    st.integers(0, 100),
    st.sampled_from(["default", "flex", "priority"]),
)
def test_no_answer_of_so_many_tokens_costs_more_than_the_dearest(
    given_tokens: int, said: int, share: int, tier: str
) -> None:
    cached = given_tokens * share // 100
    usage = Usage(given_tokens, said, cached, given_tokens - cached, said * share // 100)
    tariff = Tariff(
        ((ALWAYS_VALID, Price(FULL.usual, {"priority": (Band(0, flat("40")),)})),),
    )
    most = dearest([tariff, None], NOON, given_tokens, said, tier)
    assert tariff.at(NOON).cost(usage, tier) <= most


def test_without_a_price_nothing_is_the_most() -> None:
    assert dearest([None], NOON, 1000, 1000, "default") == 0


@pytest.mark.parametrize(
    ("microusd", "text"),
    [(12_345_678, "12.345678"), (0, "0.000000"), (1, "0.000001"), (-1_500_000, "-1.500000")],
)
def test_an_amount_has_six_decimals(microusd: int, text: str) -> None:
    assert usd(microusd) == text
