"""What is passed on to an upstream of Responses as it came: fields of requests, and tools."""

from __future__ import annotations

import re

#: The tools that a server of Responses may run itself, or that only its own models know (P2).
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
#: What `forward` says for every field that is not known here.
EVERYTHING_ELSE = "all"
#: Fields that mean something to the gateway: it says them to an upstream in its own way, or not.
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
    """Read which fields of a request are sent on as they came: their names, or "all" (P1)."""
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
