"""What is known of models, and which models every provider refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy

_DEEP_RESEARCH = ("o3-deep-research", "o4-mini-deep-research")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Facts about a model from one source; None means unknown.

    `created_at` is in Unix seconds, `context_window` and `max_output_tokens` are the maximum
    numbers of tokens that it reads and writes, `reasoning` says whether it reasons,
    `reasoning_efforts` with which efforts.
    """

    display_name: str | None = None
    created_at: int | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] | None = None
    reasoning: bool | None = None
    reasoning_efforts: tuple[str, ...] | None = None

    def over(self, other: ModelFacts) -> ModelFacts:
        """Return these facts, completed by the other's."""
        known: Mapping[str, Any] = {
            each.name: getattr(other, each.name) if mine is None else mine
            for each in fields(self)
            for mine in (getattr(self, each.name),)
        }
        return ModelFacts(**known)


#: The facts of a model without any source.
NOTHING_KNOWN = ModelFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Honoured:
    """Which optional parameters the provider honours for a model."""

    structured_outputs: bool = True
    parallel_tool_calls: bool = True
    verbosity: bool = False
    logprobs: bool = False
    seed: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as /v1/models shows it; `owned_by` is its provider's name here.

    `instructions` are an agent's first message to it, None for the default. `policy` says what its
    provider is sent unchanged.
    """

    id: str
    owned_by: str
    facts: ModelFacts = NOTHING_KNOWN
    honoured: Honoured = Honoured()
    instructions: str | None = None
    policy: PassPolicy = NOTHING_PASSES

    @property
    def output_modalities(self) -> tuple[str, ...]:
        """The kinds of output it can produce through this gateway."""
        return ("text",)

    @property
    def reasoning_efforts(self) -> tuple[str, ...]:
        """Its reasoning efforts; none if it is not known to reason."""
        return (self.facts.reasoning_efforts or ()) if self.facts.reasoning else ()


def is_deep_research(model_id: str) -> bool:
    """Return whether the id, without its provider prefixes, names a deep-research model (R6)."""
    return model_id.rpartition("/")[2].lower().startswith(_DEEP_RESEARCH)
