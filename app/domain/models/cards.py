"""Models: what is known of them, and which are refused whichever provider has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy

_DEEP_RESEARCH = ("o3-deep-research", "o4-mini-deep-research")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What somebody says of a model; None is what they do not say.

    `created_at` is in Unix seconds, `context_window` and `max_output_tokens` are the most tokens
    that it reads and writes, `reasoning` says whether it thinks, `reasoning_efforts` how much it
    can be told to.
    """

    display_name: str | None = None
    created_at: int | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] | None = None
    reasoning: bool | None = None
    reasoning_efforts: tuple[str, ...] | None = None

    def over(self, other: ModelFacts) -> ModelFacts:
        """Return these, and the other's where these say nothing."""
        known: Mapping[str, Any] = {
            each.name: getattr(other, each.name) if mine is None else mine
            for each in fields(self)
            for mine in (getattr(self, each.name),)
        }
        return ModelFacts(**known)


#: What is known of a model that nobody says anything of.
NOTHING_KNOWN = ModelFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Honoured:
    """Which parameters of a request its provider honours for a model."""

    structured_outputs: bool = True
    parallel_tool_calls: bool = True
    verbosity: bool = False
    logprobs: bool = False
    seed: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as /v1/models shows it; `owned_by` is its provider's name here.

    `instructions` are what an agent is to tell it first, None for those that suit any model.
    `policy` is what its provider is sent as it came.
    """

    id: str
    owned_by: str
    facts: ModelFacts = NOTHING_KNOWN
    honoured: Honoured = Honoured()
    instructions: str | None = None
    policy: PassPolicy = NOTHING_PASSES

    @property
    def output_modalities(self) -> tuple[str, ...]:
        """What it can be made to write from here."""
        return ("text",)

    @property
    def reasoning_efforts(self) -> tuple[str, ...]:
        """How much it can be told to think: nothing where it is not known to."""
        return (self.facts.reasoning_efforts or ()) if self.facts.reasoning else ()


def is_deep_research(model_id: str) -> bool:
    """Return whether the id, without its provider prefixes, names a deep-research model (R6)."""
    return model_id.rpartition("/")[2].lower().startswith(_DEEP_RESEARCH)
