"""Model cards, and the models whose ids resemble an unknown one.

Each fact of a card is the configuration's, else the server's, the model name's or a price list's.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from app.domain.models import ModelCard, ModelFacts
from app.providers.base import Provider
from app.settings import ModelSettings

_LONGEST_COMPARED, _MOST_COMPARED, _MOST_NEAR = 100, 500, 3


def card_of(
    model_id: str,
    provider: Provider,
    upstream_model: str,
    settings: ModelSettings | None,
    context_window: int | None,
    allowed_tools: tuple[str, ...] | None = None,
) -> ModelCard:
    """Return the card of a provider's model; `context_window` is used if nothing else names it.

    `allowed_tools` are the hosted tools that the caller may use, None for all.
    """
    known, honoured = provider.describe(upstream_model)
    facts = _configured(settings).over(known).over(ModelFacts(context_window=context_window))
    instructions = settings.base_instructions if settings else None
    policy = provider.policy.restricted(allowed_tools)
    return ModelCard(model_id, provider.name, facts, honoured, instructions, policy)


def near_ids(model_id: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return at most three ids that may be meant: the same but for the provider, or spelled alike.

    MEASURED: comparing with 500 takes some milliseconds; further ids are not compared.
    """
    if len(model_id) > _LONGEST_COMPARED:
        return ()
    ids: dict[str, list[str]] = {}
    for each in islice(known, _MOST_COMPARED):
        ids.setdefault(_bare(each), []).append(each)
    near = get_close_matches(_bare(model_id), ids, _MOST_NEAR)
    return tuple(each for name in near for each in ids[name])[:_MOST_NEAR]


def _bare(model_id: str) -> str:
    return model_id.rpartition("/")[2].lower()


def _configured(settings: ModelSettings | None) -> ModelFacts:
    if settings is None:
        return ModelFacts()
    return ModelFacts(
        display_name=settings.display_name,
        context_window=settings.context_window,
        max_output_tokens=settings.max_output_tokens,
        input_modalities=settings.input_modalities,
        reasoning=settings.reasoning,
        reasoning_efforts=settings.reasoning_efforts,
    )
