"""`make prices`: what it takes of genai-prices, and what it leaves out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest

types = pytest.importorskip("genai_prices.types", reason="it is installed with the tests")
from tests.prices.__main__ import FILE, _host, document  # noqa: E402 - it needs the above

TODAY = date(2026, 11, 29)


def taken(**model: Any) -> dict[str, Any]:
    """Return the line that is made of a model."""
    fields = {"id": "m", "match": types.ClauseEquals("m"), **model}
    provider = types.Provider("p", "P", "https://p", models=[types.ModelInfo(**fields)])
    (line,) = _host(provider, TODAY)["models"]
    return dict(line)


def usd(**prices: str) -> Any:
    return types.ModelPrice(**{name: Decimal(value) for name, value in prices.items()})


def test_the_file_that_is_kept_is_what_the_pinned_library_makes() -> None:
    from genai_prices.data import providers  # noqa: PLC0415 - it takes a second

    kept = FILE.read_text(encoding="utf-8")
    day = date.fromisoformat(orjson.loads(kept)["date"])
    assert document([_host(each, day) for each in providers], day) == kept


def test_prices_of_text_are_taken_and_no_others() -> None:
    line = taken(prices=usd(input_mtok="1", output_mtok="2", input_audio_mtok="9"))
    assert line == {"id": "m", "prices": [{"input": 1.0, "output": 2.0}]}


def test_a_model_without_prices_of_text_has_none() -> None:
    assert taken(prices=usd(input_audio_mtok="9")) == {"id": "m"}


def test_prices_that_are_over_are_left_out() -> None:
    prices = [
        types.ConditionalPrice(None, prices=usd(input_mtok="1", output_mtok="1")),
        types.ConditionalPrice(
            types.StartDateConstraint(date(2026, 1, 1)), prices=usd(input_mtok="2", output_mtok="2")
        ),
        types.ConditionalPrice(
            types.StartDateConstraint(date(2027, 1, 1)), prices=usd(input_mtok="3", output_mtok="3")
        ),
    ]
    assert taken(prices=prices)["prices"] == [
        {"input": 2.0, "output": 2.0},
        {"input": 3.0, "output": 3.0, "since": "2027-01-01"},
    ]


def test_tiers_are_taken_and_batches_are_not() -> None:
    variants = [
        types.PriceVariant({"service_tier": "default"}, usd()),
        types.PriceVariant({"service_tier": "flex"}, usd(input_mtok="0.5")),
        types.PriceVariant({"processing": "batch"}, usd(input_mtok="0.1")),
    ]
    line = taken(prices=usd(input_mtok="1", output_mtok="2"), price_variants=variants)
    assert line["prices"][0]["tiers"] == {"flex": {"input": 0.5}}
