"""What is known of models, and what agents tell them."""

from app.domain.models.cards import (
    NOTHING_KNOWN,
    Honoured,
    ModelCard,
    ModelFacts,
    is_deep_research,
)
from app.settings.values import EFFORTS, MODALITIES

__all__ = [
    "EFFORTS",
    "MODALITIES",
    "NOTHING_KNOWN",
    "Honoured",
    "ModelCard",
    "ModelFacts",
    "is_deep_research",
]
