"""Read a model list, which looks the same in all three formats. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import UpstreamMisbehaved
from app.providers.reading.counts import whole_number
from app.providers.reading.json_text import loads

#: Output limits above this are ignored, in tokens.
MOST_OUTPUT_TOKENS = 10_000_000
#: Fields of an object that may hold the list.
_PLACES = ("data", "models")


def model_ids(body: bytes) -> tuple[str, ...]:
    """Return the ids in a list, in order, without duplicates.

    Raises:
        UpstreamMisbehaved: the body is not a model list, or none of its entries has an id.
    """
    models = _models(body)
    ids = tuple(dict.fromkeys(model_id for model_id, _ in _with_ids(models)))
    if models and not ids:
        raise _unreadable()
    return ids


def listed(body: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the models of a list as pairs of id and entry; entries without an id are left out.

    Raises:
        UpstreamMisbehaved: the body is not a model list.
    """
    return list(_with_ids(_models(body)))


def _models(body: bytes) -> list[Any]:
    """Return the entries of a list, whatever their shape.

    The list is under `data`, at the top level (Together), or under `models`, where names are ids
    (Ollama's own).

    Raises:
        UpstreamMisbehaved: the body is not a model list.
    """
    try:
        parsed = loads(body)
    except ValueError as error:
        raise _unreadable() from error
    models = parsed
    if isinstance(parsed, dict):
        models = next(
            (parsed[name] for name in _PLACES if isinstance(parsed.get(name), list)), None
        )
        if models is None and "data" in parsed and parsed["data"] is None:
            models = []
    if not isinstance(models, list):
        raise _unreadable()
    return models


def _with_ids(models: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for model in models:
        entry = {"id": model} if isinstance(model, str) else model
        given = (entry.get("id") or entry.get("name")) if isinstance(entry, dict) else None
        if given and isinstance(given, str):
            yield given, entry


def output_limits(body: bytes) -> Mapping[str, int]:
    """Return the maximum output tokens of each model for which the list has them (U26).

    Anthropic's list has it as `max_tokens`. Other values of that field are left out.
    """
    limits = {}
    for model_id, model in listed(body):
        limit = whole_number(model.get("max_tokens"))
        if limit is not None and 0 < limit <= MOST_OUTPUT_TOKENS:
            limits[model_id] = limit
    return limits


def _unreadable() -> UpstreamMisbehaved:
    return UpstreamMisbehaved("the upstream's list of models cannot be read")
