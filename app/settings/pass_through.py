"""Request fields and tools that are passed unchanged to an upstream of the Responses API."""

from __future__ import annotations

import re

#: Tools that a Responses server may run itself, or that only its own models know (P2).
HOSTED_TOOLS = (
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "computer",
    "computer_use_preview",
    "programmatic_tool_calling",
    "tool_search",
)
#: Value of `forward` for every field that the gateway does not know.
EVERYTHING_ELSE = "all"
#: Fields with a meaning for the gateway: it writes them for upstreams in its own way, or never.
OWN_FIELDS = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "include",
        "store",
        "stream",
        "stream_options",
        "background",
        "previous_response_id",
        "conversation",
        "context_management",
        "truncation",
        "metadata",
        "prompt",
    }
)
_FIELD = re.compile(r"[A-Za-z0-9_]{1,64}(\.[A-Za-z0-9_]{1,64}){0,8}")


def forwarded_fields(raw: object) -> tuple[str, ...]:
    """Read the names of request fields that are forwarded unchanged, or "all" (P1)."""
    if raw == EVERYTHING_ELSE:
        return (EVERYTHING_ELSE,)
    names = [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []
    if names != raw or not all(map(_FIELD.fullmatch, names)):
        raise ValueError(
            f'must be "{EVERYTHING_ELSE}", or a list of fields such as "moderation" and '
            '"reasoning.context"'
        )
    if own := sorted(each for each in names if each.partition(".")[0] in OWN_FIELDS):
        raise ValueError(f"must not have {own[0]}: the gateway decides on that itself")
    return tuple(dict.fromkeys(names))
