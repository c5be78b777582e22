"""Write app/providers/prices/prices.json anew, from the genai-prices that is installed.

Prices that no longer hold are left out, and so are those that no request through this gateway can
have: of audio and pictures, searches and batches. What comes out is described in
app/providers/prices/library.py.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

from genai_prices import types as theirs
from genai_prices.data import providers

import app.providers.prices

FILE = Path(app.providers.prices.__file__).with_name("prices.json")
LIBRARY = "genai-prices"

#: Their names of prices a million tokens: ours.
_KINDS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
}
#: Finer prices than these are noise of a division.
_PLACES = 12


def main() -> None:
    """Write the file."""
    today = datetime.now(UTC).date()
    hosts = [_host(each, today) for each in providers]
    FILE.write_text(document(hosts, today), encoding="utf-8")


def document(hosts: list[dict[str, Any]], today: date) -> str:
    """Return the text of the file, a line for each model."""
    head = {
        "date": today.isoformat(),
        "source": f"{LIBRARY} {metadata.version(LIBRARY)}",
        "notice": _notice(),
    }
    lines = [json.dumps(head)[:-1] + ', "hosts": [']
    for number, host in enumerate(hosts):
        models = host.pop("models")
        lines.append(json.dumps(host)[:-1] + ', "models": [')
        lines.append(",\n".join(json.dumps(model) for model in models))
        lines.append("]}," if number + 1 < len(hosts) else "]}")
    return "\n".join([*lines, "]}\n"])


def _notice() -> str:
    """Return the library's licence, which goes with its data."""
    files = metadata.files(LIBRARY) or []
    (licence,) = (each for each in files if each.name == "LICENSE")
    return " ".join(licence.read_text(encoding="utf-8").split())


def _host(provider: theirs.Provider, today: date) -> dict[str, Any]:
    host: dict[str, Any] = {
        "id": provider.id,
        # A host of the pattern's, and no path that says so.
        "url": provider.api_pattern.replace("(.*\\.)?", "([^/]*\\.)?"),
    }
    if provider.fallback_model_providers:
        host["also"] = provider.fallback_model_providers
    return host | {"models": [_model(each, today) for each in provider.models]}


def _model(model: theirs.ModelInfo, today: date) -> dict[str, Any]:
    """Return a model's line. One without prices is there too: it may hide one that comes later."""
    prices = _prices(model, today)
    entry: dict[str, Any] = {"id": model.id}
    clause = _clause(model.match)
    if clause != model.id.lower():
        entry["match"] = clause
    if model.context_window is not None:
        entry["context"] = model.context_window
    return entry | {"prices": prices} if prices else entry


def _clause(clause: Any) -> Any:
    """Return what a model is known by: a text that it is, or an object with one key."""
    match clause:
        case theirs.ClauseEquals():
            return clause.equals.lower()
        case theirs.ClauseStartsWith():
            return {"starts": clause.starts_with.lower()}
        case theirs.ClauseEndsWith():
            return {"ends": clause.ends_with.lower()}
        case theirs.ClauseContains():
            return {"contains": clause.contains.lower()}
        case theirs.ClauseRegex():
            return {"regex": clause.regex}
        case theirs.ClauseOr():
            return {"any": [_clause(each) for each in clause.or_]}
        case theirs.ClauseAnd():
            return {"all": [_clause(each) for each in clause.and_]}
        case _:
            raise TypeError(f"{type(clause).__name__} is a clause that is not known here")


def _prices(model: theirs.ModelInfo, today: date) -> list[dict[str, Any]]:
    """Return a model's prices, those that count first in order last; none without both kinds."""
    prices: list[dict[str, Any]] = []
    given = model.prices if isinstance(model.prices, list) else [_always(model.prices)]
    for conditional in given:
        kinds = _kinds(conditional.prices)
        if "input" not in kinds or "output" not in kinds:
            continue
        price = kinds | _tiers(model, today)
        validity = _validity(conditional.constraint, today)
        if not validity:
            prices = []  # whatever stands before it counts no more
        prices.append(price | validity)
    return prices


def _always(price: theirs.ModelPrice) -> theirs.ConditionalPrice:
    return theirs.ConditionalPrice(None, prices=price)


def _kinds(price: theirs.ModelPrice) -> dict[str, Any]:
    return {
        ours: _amount(value)
        for name, ours in _KINDS.items()
        if (value := price.__dict__.get(name)) is not None
    }


def _amount(value: Decimal | theirs.TieredPrices) -> Any:
    """Return a price, or a list of it and of [above how many tokens of input, price]."""
    if isinstance(value, Decimal):
        return _number(value)
    return [_number(value.base), *([each.start, _number(each.price)] for each in value.tiers)]


def _number(value: Decimal) -> float:
    return float(round(value, _PLACES))


def _tiers(model: theirs.ModelInfo, today: date) -> dict[str, Any]:
    """Return the prices of service tiers that differ; of each kind the first that is named."""
    tiers: dict[str, dict[str, Any]] = {}
    for variant in model.price_variants or ():
        is_tier = variant.when.keys() == {"service_tier"}
        if is_tier and not _validity(variant.constraint, today):
            tier = tiers.setdefault(variant.when["service_tier"], {})
            for kind, amount in _kinds(variant.prices).items():
                tier.setdefault(kind, amount)
    named = {tier: kinds for tier, kinds in tiers.items() if kinds}
    return {"tiers": named} if named else {}


def _validity(constraint: object, today: date) -> dict[str, Any]:
    match constraint:
        case None:
            return {}
        case theirs.StartDateConstraint():
            is_past = constraint.start_date <= today
            return {} if is_past else {"since": constraint.start_date.isoformat()}
        case theirs.TimeOfDateConstraint():
            return {"daily": [_second(constraint.start_time), _second(constraint.end_time)]}
        case _:
            raise TypeError(f"{type(constraint).__name__} is a constraint that is not known here")


def _second(at: time) -> int:
    """Return a time of the day in UTC as its second."""
    moment = datetime.combine(date(2000, 1, 1), at if at.tzinfo else at.replace(tzinfo=UTC))
    in_utc = moment.astimezone(UTC).time()
    return in_utc.hour * 3600 + in_utc.minute * 60 + in_utc.second


if __name__ == "__main__":
    main()
