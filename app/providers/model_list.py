"""Reading a list of models, which all three formats word the same way. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import UpstreamMisbehaved
from app.providers.reading.counts import whole_number
from app.providers.reading.json_text import loads

#: The most output tokens that a list is believed to allow.
MOST_OUTPUT_TOKENS = 10_000_000


def model_ids(body: bytes) -> tuple[str, ...]:
    """Return the ids in `data`, in order, each once.

    Raises:
        UpstreamMisbehaved: when there is no such list.
    """
    try:
        data = loads(body)["data"]
        ids = [model["id"] for model in data or ()]
    except (ValueError, TypeError, LookupError) as error:
        raise UpstreamMisbehaved("the upstream's list of models cannot be read") from error
    return tuple(dict.fromkeys(each for each in ids if isinstance(each, str) and each))


def output_limits(body: bytes) -> Mapping[str, int]:
    """Return how many tokens each model may write at most, where the list says so (U26).

    Anthropic's says it as `max_tokens`. What is no such number is left out.
    """
    listing = loads(body)
    models = listing.get("data") if isinstance(listing, dict) else None
    limits = {}
    for model in models if isinstance(models, list) else ():
        if not isinstance(model, dict) or not isinstance(model.get("id"), str):
            continue
        limit = whole_number(model.get("max_tokens"))
        if limit is not None and 0 < limit <= MOST_OUTPUT_TOKENS:
            limits[model["id"]] = limit
    return limits
