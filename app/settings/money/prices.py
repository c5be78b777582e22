"""The `[models."ID".price]` tables of gateway.toml (N1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.settings import readers
from app.settings.tables import KeyPath, bad_key, bad_table, read_table

_RATES = ("input", "cached_input", "cache_write", "output", "reasoning")
_REQUIRED = ("input", "output")
#: The service tiers that an answer may have been served in, but for the usual way.
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
    """A `[models."ID".price]` table: USD a million tokens, and factors of service tiers.

    None is what the nearest kin costs: of `cached_input` and `cache_write` that is `input`, of
    `reasoning` it is `output`.
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
        Fault: a rate is missing, negative or no amount, or a tier is not known.
    """
    values = read_table(raw, _PRICE_READERS, path)
    for name in _REQUIRED:
        if name not in values:
            raise bad_table(path, f"needs {name}, in USD a million tokens; 0 is free of charge")
    tiers: dict[str, Decimal] = read_table(values.pop("tiers", {}), _TIER_READERS, (*path, "tiers"))
    if tiers.get("default", 1) != 1:
        raise bad_key((*path, "tiers", "default"), "is what the rates are: leave it out")
    return PriceSettings(**values, tiers=tiers)
