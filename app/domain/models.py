"""Model ids: how one is shown to callers, and which are refused whichever provider has them."""

from __future__ import annotations

from dataclasses import dataclass

_DEEP_RESEARCH = ("o3-deep-research", "o4-mini-deep-research")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as /v1/models shows it. `created_at` 0 means unknown."""

    id: str
    owned_by: str
    created_at: int = 0


def is_deep_research(model_id: str) -> bool:
    """Return whether the id, without its provider prefixes, names a deep-research model (R6)."""
    return model_id.rpartition("/")[2].lower().startswith(_DEEP_RESEARCH)
