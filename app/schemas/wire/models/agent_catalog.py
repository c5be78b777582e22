"""The list of models in Codex's form: `GET /v1/models?client_version=…` (G10).

Codex rejects a whole list if one entry lacks a key, or if it exceeds a megabyte. It sends each
model the tools that its entry names, so entries name only tools that are supported here.
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

#: Maximum size of the list in bytes: Codex rejects more than 1 MiB.
MOST_BYTES = 1_000_000
#: Efforts, with the descriptions that Codex shows to its users.
_EFFORTS = {
    "none": "Answers at once, without thinking",
    "minimal": "Thinks as little as it can",
    "low": "Thinks little, answers soon",
    "medium": "Balances thinking and speed",
    "high": "Thinks long about hard problems",
    "xhigh": "Thinks very long about hard problems",
    "max": "Thinks as long as it can",
}
#: Modalities that Codex sends to models: no files.
_READS = ("text", "image")
_OUTPUT_TOKENS = 10_000
_USABLE_PERCENT = 95


class AgentEffortSchema(WireSchema):
    about = "A selectable reasoning effort."

    effort = Choice(*_EFFORTS, **ALWAYS)
    description = String(about="A human-readable description of the effort.", **ALWAYS)


class AgentTruncationSchema(WireSchema):
    about = "How much of a tool's output the model is shown."

    mode = Choice("tokens", about="The unit of the limit.", **ALWAYS)
    limit = Integer(1, about="The maximum number of them that the model is shown.", **ALWAYS)


class AgentModelSchema(WireSchema):
    about = "A model in Codex's format; Codex defines the keys and their meanings."

    slug = String(shortest=1, about="The model's id.", **ALWAYS)
    display_name = String(shortest=1, about="The display name.", **ALWAYS)
    description = String(about="Always null.", **OR_NULL)
    default_reasoning_level = Choice(*_EFFORTS, about="The default reasoning effort.", **AT_TIMES)
    supported_reasoning_levels = ListOf(
        AgentEffortSchema(), about="The supported reasoning efforts.", **ALWAYS
    )
    shell_type = Choice(
        "unified_exec", about="The type of shell tool that Codex gives the model.", **ALWAYS
    )
    visibility = Choice("list", about="Always list: the model is offered.", **ALWAYS)
    supported_in_api = Boolean(about="Always true: the gateway serves the model.", **ALWAYS)
    priority = Integer(0, about="The position in the list, from 0.", **ALWAYS)
    availability_nux = FreeObject(about="Always null.", **OR_NULL)
    upgrade = FreeObject(about="Always null: no model replaces it.", **OR_NULL)
    base_instructions = String(shortest=1, about="The instructions that Codex sends.", **ALWAYS)
    supports_reasoning_summaries = Boolean(
        about="Whether the model returns reasoning summaries.", **ALWAYS
    )
    supports_reasoning_summary_parameter = Boolean(
        about="Whether reasoning summaries can be requested.", **ALWAYS
    )
    default_reasoning_summary = Choice(
        "auto", about="The default kind of reasoning summary.", **ALWAYS
    )
    support_verbosity = Boolean(about="Whether `text.verbosity` is honoured.", **ALWAYS)
    default_verbosity = Choice("low", "medium", "high", about="The default verbosity.", **OR_NULL)
    apply_patch_tool_type = Choice(
        "freeform",
        about="The form of the apply_patch tool; null if the model does not get it.",
        **OR_NULL,
    )
    web_search_tool_type = Choice(
        "text", about="The type of content that a web search returns.", **ALWAYS
    )
    truncation_policy = Nested(
        AgentTruncationSchema(), about="How much of a tool's output the model is shown.", **ALWAYS
    )
    supports_parallel_tool_calls = Boolean(
        about="Whether the model may call several tools at once.", **ALWAYS
    )
    supports_image_detail_original = Boolean(
        about="Whether the model supports images at their original resolution.", **ALWAYS
    )
    context_window = Integer(1, about="The size of the context window, in tokens.", **AT_TIMES)
    max_context_window = Integer(1, about="The same as context_window.", **AT_TIMES)
    effective_context_window_percent = Integer(
        1, 100, about="The percentage of the context window that Codex uses.", **ALWAYS
    )
    experimental_supported_tools = WordList(about="Always empty.", **ALWAYS)
    input_modalities = WordList(*_READS, about="The input modalities.", **ALWAYS)
    supports_search_tool = Boolean(about="Whether the tool search is supported.", **ALWAYS)
    use_responses_lite = Boolean(about="Always false: the whole API is supported.", **ALWAYS)
    include_skills_usage_instructions = Boolean(
        about="Whether the model is sent instructions for skills.", **ALWAYS
    )
    include_plugin_usage_instructions = Boolean(
        about="Whether the model is sent instructions for plugins.", **ALWAYS
    )
    include_apps_usage_instructions = Boolean(
        about="Whether the model is sent instructions for apps.", **ALWAYS
    )


class AgentCatalogSchema(WireSchema):
    about = "The list of models in Codex's format."

    models = ListOf(
        AgentModelSchema(), about="The models, in the order in which they are offered.", **ALWAYS
    )


AGENT_CATALOG = AgentCatalogSchema()

#: Values that are the same for every model.
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
    "supports_parallel_tool_calls": True,  # they come even where they cannot be turned off
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
    """Return the catalogue as JSON, with as many models, in order, as Codex accepts."""
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
    """Return a model's entry; Codex offers models in the order of `priority`."""
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
