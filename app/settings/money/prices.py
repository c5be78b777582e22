"""The `[models."ID".price]` tables of gateway.toml (N1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.settings import readers
from app.settings.tables import KeyPath, bad_key, bad_table, read_table

_RATES = ("input", "cached_input", "cache_write", "output", "reasoning")
_REQUIRED = ("input", "output")
#: Service tiers in which an answer may have been served.
_TIERS = ("default", "flex", "priority", "scale", "fast", "ultrafast")
_MOST_USD = 1_000_000
_MOST_TIMES = 1_000

_PRICE_READERS: Mapping[str, readers.Reader] = {
    **dict.fromkeys(_RATES, readers.decimal(_MOST_USD, "USD a million tokens")),
    "tiers": readers.anything,
}
_TIER_READERS = dict.fromkeys(_TIERS, readers.decimal(_MOST_TIMES, "a factor"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSettings:
    """A `[models."ID".price]` table: USD per million tokens, and factors of service tiers.

    None stands for the price of the most similar kind: `input` for `cached_input` and
    `cache_write`, `output` for `reasoning`.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    tiers: Mapping[str, Decimal] = field(default_factory=dict)


def read_price(raw: object, path: KeyPath) -> PriceSettings:
    """Return a price.

    Raises:
        Fault: a rate is missing, negative or not an amount, or a tier is unknown.
    """
    values = read_table(raw, _PRICE_READERS, path)
    for name in _REQUIRED:
        if name not in values:
            raise bad_table(path, f"needs {name}, in USD a million tokens; 0 is free of charge")
    tiers: dict[str, Decimal] = read_table(values.pop("tiers", {}), _TIER_READERS, (*path, "tiers"))
    if tiers.get("default", 1) != 1:
        raise bad_key((*path, "tiers", "default"), "is what the rates are: leave it out")
    return PriceSettings(**values, tiers=tiers)
