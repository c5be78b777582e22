"""Reading a list of models, which all three formats word the same way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import UpstreamMisbehaved
from app.providers.reading.counts import whole_number
from app.providers.reading.json_text import loads

#: The most output tokens that a list is believed to allow.
MOST_OUTPUT_TOKENS = 10_000_000
#: Where a list stands in an object.
_PLACES = ("data", "models")


def model_ids(body: bytes) -> tuple[str, ...]:
    """Return the ids in a list, in order, each once.

    Raises:
        UpstreamMisbehaved: when there is no such list.
    """
    models = _models(body)
    ids = tuple(dict.fromkeys(model_id for model_id, _ in _with_ids(models)))
    if models and not ids:
        raise _unreadable()
    return ids


def listed(body: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the models of a list, each with its id; an entry without one is left out.

    Raises:
        UpstreamMisbehaved: when there is no such list.
    """
    return list(_with_ids(_models(body)))


def _models(body: bytes) -> list[Any]:
    """Return the entries of a list, in whatever shape they are.

    The list stands under `data`, alone (Together), or under `models`, where names are ids (Ollama's
    own).

    Raises:
        UpstreamMisbehaved: when there is no such list.
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
    """Return how many tokens each model may write at most, where the list says so (U26).

    Anthropic's says it as `max_tokens`. What is no such number is left out.
    """
    limits = {}
    for model_id, model in listed(body):
        limit = whole_number(model.get("max_tokens"))
        if limit is not None and 0 < limit <= MOST_OUTPUT_TOKENS:
            limits[model_id] = limit
    return limits


def _unreadable() -> UpstreamMisbehaved:
    return UpstreamMisbehaved("the upstream's list of models cannot be read")
