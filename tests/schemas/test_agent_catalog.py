"""The models in the form in which Codex reads them (G10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from app.domain.models import Honoured, ModelCard, ModelFacts
from app.domain.models.agent_instructions import AGENT_INSTRUCTIONS
from app.schemas.wire.models.agent_catalog import AGENT_CATALOG, MOST_BYTES, agent_catalog

#: One entry without one of these, and Codex 0.171 refuses the whole list.
NEEDED = {
    "slug",
    "display_name",
    "supported_reasoning_levels",
    "shell_type",
    "visibility",
    "supported_in_api",
    "priority",
    "base_instructions",
    "support_verbosity",
    "truncation_policy",
    "experimental_supported_tools",
}
FACTS = ModelFacts(
    display_name="House",
    context_window=32768,
    input_modalities=("text", "file"),
    reasoning=True,
    reasoning_efforts=("low", "high"),
)
CARD = ModelCard("house/m", "house", FACTS, Honoured(verbosity=True), "Be careful.")
BARE = ModelCard("m", "p")


def entries(*cards: ModelCard) -> list[dict[str, Any]]:
    body = orjson.loads(agent_catalog(cards))
    assert AGENT_CATALOG.validate(body) == {}
    models: list[dict[str, Any]] = body["models"]
    return models


@pytest.mark.parametrize("card", [CARD, BARE], ids=["known", "unknown"])
def test_an_entry_has_all_that_codex_needs(card: ModelCard) -> None:
    (entry,) = entries(card)
    assert entry.keys() >= NEEDED
    assert all(entry[key] is not None for key in NEEDED)


def test_an_entry_says_what_is_known_of_the_model() -> None:
    (entry,) = entries(CARD)
    expected = {
        "slug": "house/m",
        "display_name": "House",
        "context_window": 32768,
        "max_context_window": 32768,
        "input_modalities": ["text"],
        "default_reasoning_level": "high",
        "support_verbosity": True,
        "base_instructions": "Be careful.",
        "apply_patch_tool_type": "freeform",
    }
    assert {key: entry[key] for key in expected} == expected
    assert [each["effort"] for each in entry["supported_reasoning_levels"]] == ["low", "high"]


def test_nothing_is_made_up_of_a_model_that_nobody_knows() -> None:
    (entry,) = entries(BARE)
    assert entry.keys().isdisjoint({"context_window", "default_reasoning_level"})
    assert entry["supported_reasoning_levels"] == []
    assert entry["input_modalities"] == ["text", "image"]
    assert entry["base_instructions"] == AGENT_INSTRUCTIONS


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    (entry,) = entries(replace(CARD, facts=replace(FACTS, reasoning=False)))
    assert entry["supported_reasoning_levels"] == []
    assert not entry["supports_reasoning_summary_parameter"]


def test_models_are_offered_in_their_order() -> None:
    listed = entries(CARD, BARE)
    assert [(each["slug"], each["priority"]) for each in listed] == [("house/m", 0), ("m", 1)]


def test_a_list_is_no_longer_than_codex_reads() -> None:
    cards = [replace(BARE, id=f"m{number}") for number in range(1_000)]
    body = agent_catalog(cards)
    assert len(body) <= MOST_BYTES + 100
    models = orjson.loads(body)["models"]
    assert [each["slug"] for each in models] == [card.id for card in cards[: len(models)]]
    assert len(models) > 100
