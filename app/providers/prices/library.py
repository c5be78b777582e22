"""Look up the prices that vendors publish for the models of their own hosts (M1).

prices.json, which `make prices` writes, has a line for each model:

    {"date": "2026-11-29", "source": "genai-prices 0.2.3", "notice": "…", "hosts": [
    {"id": "openai", "url": "https://api\\\\.openai\\\\.com", "models": [
    {"id": "gpt-5", "match": {"any": ["gpt-5", "gpt-5-2025-08-07"]}, "context": 400000,
     "prices": [{"input": 1.25, "cached_input": 0.125, "output": 10.0,
                 "tiers": {"flex": {"input": 0.625, "cached_input": 0.0625, "output": 5.0}}}]},

Prices are in USD per million tokens. A list is a base price, and prices for inputs above a number
of tokens: `[3.0, [200000, 6.0]]`. Of several `prices` the last valid one counts: `since` is a day,
`daily` a range of seconds in a day, both in UTC. The first model that matches an id is used; `also`
names hosts whose models are searched after the host's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.domain.prices import Band, Bands, Price, Rates, Tariff, Validity, rate

FILE = Path(__file__).with_name("prices.json")

Json = Mapping[str, Any]

#: 20260131 at an id's end, which the library writes as 2026-01-31.
_COMPACT_DAY = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class HostPrices:
    """The prices of one host's models; `models` are lines of the file, in order."""

    def __init__(self, models: Sequence[Json]) -> None:
        self._models = models

    def tariff(self, model_id: str) -> Tariff | None:
        """Return a model's prices, by the host's own id for it; None if they are unknown."""
        found = self._find(model_id)
        return None if found is None or "prices" not in found else _tariff(found["prices"])

    def context_window(self, model_id: str) -> int | None:
        """Return a model's context window in tokens, None if it is unknown."""
        found = self._find(model_id)
        return None if found is None else found.get("context")

    def _find(self, model_id: str) -> Json | None:
        text = model_id.lower()
        for each in dict.fromkeys((text, _COMPACT_DAY.sub(r"-\1-\2-\3", text))):
            for model in self._models:
                if _matches(model.get("match", model["id"].lower()), each):
                    return model
        return None


#: For a host that is not in the library.
NO_PRICES = HostPrices(())


class PriceLibrary:
    """The prices of all hosts. `raw` is the text of the file."""

    def __init__(self, raw: bytes) -> None:
        document = orjson.loads(raw)
        self.date: str = document["date"]
        self.source: str = document["source"]
        self._hosts: list[Json] = document["hosts"]

    @classmethod
    def of_file(cls) -> PriceLibrary:
        """Return the library in FILE; reading it takes some milliseconds."""
        return cls(FILE.read_bytes())

    def at(self, base_url: str) -> HostPrices:
        """Return the prices of the host in a base URL, NO_PRICES for an unknown host."""
        hosts = [host for host in self._hosts if _names(host["url"], base_url)]
        models = [model for host in hosts for model in host["models"]]
        by_id = {host["id"]: host for host in self._hosts}
        also = [name for host in hosts for name in host.get("also", ())]
        models += [model for name in also if name in by_id for model in by_id[name]["models"]]
        return HostPrices(models) if models else NO_PRICES


def _names(pattern: str, base_url: str) -> bool:
    """Tell whether a pattern matches the URL's whole host, not only its beginning."""
    match = re.match(pattern, base_url)
    if match is None:
        return False
    rest = urlsplit(base_url[match.end() :]).path.partition("/")[0].partition(":")[0]
    ends_whole = match.group().endswith("/") or not rest
    # `api.moonshot.` matches that name under every top-level domain.
    return ends_whole or (match.group().endswith(".") and rest.isalpha())


def _matches(clause: Any, text: str) -> bool:
    if isinstance(clause, str):
        return text == clause
    ((kind, value),) = clause.items()
    match kind:
        case "starts":
            return text.startswith(value)
        case "ends":
            return text.endswith(value)
        case "contains":
            return value in text
        case "regex":
            return re.search(value, text) is not None
        case "any":
            return any(_matches(each, text) for each in value)
        case "all":
            return all(_matches(each, text) for each in value)
        case _:
            raise ValueError(f"{kind} is no clause")


def _tariff(prices: Sequence[Json]) -> Tariff:
    return Tariff(tuple((_validity(price), _price(price)) for price in prices))


def _validity(price: Json) -> Validity:
    since: int | None = None
    if "since" in price:
        since = int(datetime.fromisoformat(price["since"]).replace(tzinfo=UTC).timestamp())
    daily = (price["daily"][0], price["daily"][1]) if "daily" in price else None
    return Validity(since, daily)


def _price(price: Json) -> Price:
    tiers = price.get("tiers", {})
    return Price(_bands(price), {tier: _bands({**price, **own}) for tier, own in tiers.items()})


def _bands(kinds: Json) -> Bands:
    return tuple(Band(above, _rates(kinds, above)) for above in sorted({0, *_steps(kinds)}))


def _steps(kinds: Json) -> Iterator[int]:
    for amount in kinds.values():
        if isinstance(amount, list):
            yield from (step[0] for step in amount[1:] if isinstance(step, list))


def _rates(kinds: Json, above: int) -> Rates:
    """Return the rates for inputs of more than `above` tokens.

    A kind without a price of its own costs as much as the most similar kind.
    """

    def of(kind: str, kin: int) -> int:
        amount = kinds.get(kind)
        if amount is None:
            return kin
        if isinstance(amount, list):
            base, *steps = amount
            amount = next((usd for start, usd in reversed(steps) if start <= above), base)
        return rate(Decimal(str(amount)))

    given, output = of("input", 0), of("output", 0)
    written = of("cache_write", given)
    return Rates(
        input=given,
        cached_input=of("cached_input", given),
        cache_write=written,
        cache_write_1h=of("cache_write_1h", written),
        output=output,
        reasoning=of("reasoning", output),
    )
