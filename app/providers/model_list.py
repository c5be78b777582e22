"""Reading a list of models, which all three formats word the same way. Pure."""

from __future__ import annotations

from app.errors import UpstreamMisbehaved
from app.providers.json_text import loads


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
