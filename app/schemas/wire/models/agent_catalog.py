"""The models in the form in which Codex reads them: `GET /v1/models?client_version=…` (G10).

Codex refuses a whole list for one entry that lacks a key, and one of more than a megabyte. It
sends each model the tools that its entry names, so that an entry names what is served here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from app.domain.models import ModelCard
from app.domain.models.agent_instructions import AGENT_INSTRUCTIONS
from app.schemas.fields import Boolean, Choice, FreeObject, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.request.tools.field import TOOLS
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, WireSchema
from app.schemas.wire.models.cards import WordList

#: Codex reads no list of more than 1 MiB.
MOST_BYTES = 1_000_000
#: Efforts as Codex shows them to its users.
_EFFORTS = {
    "none": "Answers at once, without thinking",
    "minimal": "Thinks as little as it can",
    "low": "Thinks little, answers soon",
    "medium": "Balances thinking and speed",
    "high": "Thinks long about hard problems",
    "xhigh": "Thinks very long about hard problems",
    "max": "Thinks as long as it can",
}
#: What Codex has models read: no files.
_READS = ("text", "image")
_OUTPUT_TOKENS = 10_000
_USABLE_PERCENT = 95


class AgentEffortSchema(WireSchema):
    effort = Choice(*_EFFORTS, **ALWAYS)
    description = String(**ALWAYS)


class AgentTruncationSchema(WireSchema):
    mode = Choice("tokens", **ALWAYS)
    limit = Integer(1, **ALWAYS)


class AgentModelSchema(WireSchema):
    about = "A model as Codex reads it. Its keys and their meanings are Codex's."

    slug = String(shortest=1, **ALWAYS)
    display_name = String(shortest=1, **ALWAYS)
    description = String(**OR_NULL)
    default_reasoning_level = Choice(*_EFFORTS, **AT_TIMES)
    supported_reasoning_levels = ListOf(AgentEffortSchema(), **ALWAYS)
    shell_type = Choice("unified_exec", **ALWAYS)
    visibility = Choice("list", **ALWAYS)
    supported_in_api = Boolean(**ALWAYS)
    priority = Integer(0, **ALWAYS)
    availability_nux = FreeObject(**OR_NULL)
    upgrade = FreeObject(**OR_NULL)
    base_instructions = String(shortest=1, **ALWAYS)
    supports_reasoning_summaries = Boolean(**ALWAYS)
    supports_reasoning_summary_parameter = Boolean(**ALWAYS)
    default_reasoning_summary = Choice("auto", **ALWAYS)
    support_verbosity = Boolean(**ALWAYS)
    default_verbosity = Choice("low", "medium", "high", **OR_NULL)
    apply_patch_tool_type = Choice("freeform", **OR_NULL)
    web_search_tool_type = Choice("text", **ALWAYS)
    truncation_policy = Nested(AgentTruncationSchema(), **ALWAYS)
    supports_parallel_tool_calls = Boolean(**ALWAYS)
    supports_image_detail_original = Boolean(**ALWAYS)
    context_window = Integer(1, **AT_TIMES)
    max_context_window = Integer(1, **AT_TIMES)
    effective_context_window_percent = Integer(1, 100, **ALWAYS)
    experimental_supported_tools = WordList(**ALWAYS)
    input_modalities = WordList(*_READS, **ALWAYS)
    supports_search_tool = Boolean(**ALWAYS)
    use_responses_lite = Boolean(**ALWAYS)
    include_skills_usage_instructions = Boolean(**ALWAYS)
    include_plugin_usage_instructions = Boolean(**ALWAYS)
    include_apps_usage_instructions = Boolean(**ALWAYS)


class AgentCatalogSchema(WireSchema):
    about = "The models in the form in which Codex reads them."

    models = ListOf(AgentModelSchema(), **ALWAYS)


AGENT_CATALOG = AgentCatalogSchema()

#: What is the same for all.
_SAME: dict[str, Any] = {
    "description": None,
    "shell_type": "unified_exec",
    "visibility": "list",
    "supported_in_api": True,
    "availability_nux": None,
    "upgrade": None,
    "default_reasoning_summary": "auto",
    "default_verbosity": None,
    "apply_patch_tool_type": "freeform" if "custom" in TOOLS else None,
    "web_search_tool_type": "text",
    "truncation_policy": {"mode": "tokens", "limit": _OUTPUT_TOKENS},
    "supports_parallel_tool_calls": True,  # where they cannot be kept from it, they come as well
    "supports_image_detail_original": False,
    "effective_context_window_percent": _USABLE_PERCENT,
    "experimental_supported_tools": [],
    "supports_search_tool": "tool_search" in TOOLS,
    "use_responses_lite": False,
    "include_skills_usage_instructions": True,
    "include_plugin_usage_instructions": True,
    "include_apps_usage_instructions": True,
}


def agent_catalog(cards: Iterable[ModelCard]) -> bytes:
    """Return the catalogue as JSON: as many of the models, in order, as Codex would read."""
    return b'{"models":[' + b",".join(_within_bounds(cards)) + b"]}"


def _within_bounds(cards: Iterable[ModelCard]) -> Iterator[bytes]:
    room = MOST_BYTES
    for priority, card in enumerate(cards):
        written = orjson.dumps(agent_model(card, priority))
        room -= len(written) + 1
        if room < 0:
            return
        yield written


def agent_model(card: ModelCard, priority: int) -> dict[str, Any]:
    """Return a model's entry; the models are offered in the order of their `priority`."""
    facts, efforts = card.facts, card.reasoning_efforts
    reads = facts.input_modalities or _READS
    own: dict[str, Any] = {
        "slug": card.id,
        "display_name": facts.display_name or card.id,
        "priority": priority,
        "base_instructions": card.instructions or AGENT_INSTRUCTIONS,
        "supported_reasoning_levels": [
            {"effort": each, "description": _EFFORTS[each]} for each in efforts
        ],
        "supports_reasoning_summaries": facts.reasoning is not False,
        "supports_reasoning_summary_parameter": facts.reasoning is not False,
        "support_verbosity": card.honoured.verbosity,
        "input_modalities": [each for each in _READS if each in reads],
    }
    if efforts:
        own["default_reasoning_level"] = "medium" if "medium" in efforts else efforts[-1]
    if facts.context_window is not None:
        own |= dict.fromkeys(("context_window", "max_context_window"), facts.context_window)
    return own | _SAME
