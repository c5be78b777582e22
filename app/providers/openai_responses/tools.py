"""Write tools and the tool choice for an upstream that speaks Responses. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from app.domain.tools import (
    BuiltInTool,
    CustomTool,
    FunctionTool,
    HostedTool,
    InputGrammar,
    NamedBuiltInTool,
    NamedFunction,
    NamedHostedTool,
    NamespaceTool,
    PlainInput,
    Tool,
)
from app.providers.profiles import Profile
from app.providers.writing.openai import ToolWords
from app.schemas.wire.tools import TOOL

Json = dict[str, Any]


def tool_json(tool: Tool, profile: Profile) -> Json:
    """Return a tool's JSON with given fields only: the upstream's own defaults apply (R14)."""
    if isinstance(tool, HostedTool):
        return tool.json
    if isinstance(tool, BuiltInTool):
        return _given(TOOL.dump(tool))
    fields: Json = {"type": tool.type, "name": tool.name, "description": tool.description}
    match tool:
        case FunctionTool():
            fields["parameters"] = tool.parameters
            fields["strict"] = tool.strict if profile.strict_tools else None
            fields["defer_loading"] = tool.defer_loading if profile.tool_search else None
            fields["allowed_callers"] = tool.allowed_callers
            fields["output_schema"] = tool.output_schema
        case CustomTool():
            fields["format"] = _format(tool.format)
            fields["allowed_callers"] = tool.allowed_callers
            fields["defer_loading"] = tool.defer_loading if profile.tool_search else None
        case NamespaceTool():
            fields["tools"] = [tool_json(each, profile) for each in tool.tools]
        case _:
            assert_never(tool)
    return _given(fields)


def _given(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _format(wanted: PlainInput | InputGrammar) -> Json:
    if isinstance(wanted, InputGrammar):
        return {
            "type": wanted.type,
            "syntax": wanted.syntax,
            "definition": wanted.definition,
        }
    return {"type": wanted.type}


def _named_choice(choice: NamedFunction) -> Json:
    if isinstance(choice, NamedHostedTool):
        return choice.json
    if isinstance(choice, NamedBuiltInTool):
        return {"type": choice.name}
    return {"type": choice.type, "name": choice.name}


def _allowed_choice(mode: str, choices: Sequence[NamedFunction]) -> Json:
    return {"type": "allowed_tools", "mode": mode, "tools": list(map(_named_choice, choices))}


TOOL_WORDS: ToolWords[Tool] = ToolWords(tool_json, _named_choice, _allowed_choice)
