"""What is shown of a model: as its configuration says, then its server, its name, a price list."""

from __future__ import annotations

from app.domain.models import ModelCard, ModelFacts
from app.providers.base import Provider
from app.settings import ModelSettings


def card_of(
    model_id: str,
    provider: Provider,
    upstream_model: str,
    settings: ModelSettings | None,
    context_window: int | None,
) -> ModelCard:
    """Return the card of a provider's model; `context_window` is what is known of it otherwise."""
    known, honoured = provider.describe(upstream_model)
    facts = _configured(settings).over(known).over(ModelFacts(context_window=context_window))
    instructions = settings.base_instructions if settings else None
    return ModelCard(model_id, provider.name, facts, honoured, instructions)


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
