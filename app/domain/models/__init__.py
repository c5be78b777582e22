"""Facts about models, and the instructions that agents give them."""

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
