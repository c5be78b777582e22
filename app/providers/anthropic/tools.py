"""Write function tools and the tool choice. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from app.domain.items import FunctionCall
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction, ToolChoice
from app.providers.anthropic.json_schema import can_hold, strict_schema, tool_schema
from app.providers.profiles import Profile
from app.providers.writing.call_names import call_name
from app.providers.writing.forced_calls import is_forced


def tool_fields(
    request: ModelRequest, profile: Profile, *, structured: bool, forced_calls: bool
) -> dict[str, Any]:
    """Return the fields `tools` and `tool_choice`.

    `structured` says that strict is enforced, `forced_calls` that the model can be made to call a
    tool. A history with calls requires definitions even if no tool is offered: then none may be
    called. A choice that the server does not know, or refuses, is made by sending fewer tools.
    """
    parameters, understood = request.parameters, profile.tool_choice in ("full", "named")
    if not parameters.tools or (parameters.tool_choice == "none" and not understood):
        tools = (
            [_tool(tool, structured) for tool in _tools_of_history(request)] if understood else []
        )
        return {"tools": tools, "tool_choice": {"type": "none"}} if tools else {}
    choice = parameters.tool_choice
    narrow = not (understood and forced_calls)
    offered = [_tool(tool, structured) for tool in _offered(parameters, narrow=narrow)]
    how = _choice(choice)
    if how["type"] in ("any", "tool") and not forced_calls:
        how = {"type": "auto"}
    elif how["type"] == "tool" and not understood:
        how = {"type": "any"}
    if parameters.parallel_tool_calls is False and profile.parallel_tool_calls:
        how |= {} if how["type"] == "none" else {"disable_parallel_tool_use": True}
    fields: dict[str, Any] = {"tools": offered}
    if how == {"type": "auto"} or profile.tool_choice == "never":
        return fields
    return fields | {"tool_choice": how}


def ignored_choice(request: ModelRequest, profile: Profile, *, forced_calls: bool) -> Iterator[str]:
    """Yield parameters about tool choice that cannot be honoured; see `tool_fields`."""
    parameters = request.parameters
    one_by_one = bool(parameters.tools) and parameters.parallel_tool_calls is False
    if is_forced(request) and (profile.tool_choice == "never" or not forced_calls):
        yield "tool_choice"
    if one_by_one and not profile.parallel_tool_calls:
        yield "parallel_tool_calls"


def _offered(parameters: Parameters, *, narrow: bool) -> Iterator[FunctionTool]:
    """Return the tools that may be called; with `narrow`, only the one that must be called."""
    match parameters.tool_choice:
        case AllowedTools(names=names):
            allowed: Container[str] = names
        case NamedFunction(name=name) if narrow:
            allowed = (name,)
        case _:
            allowed = [tool.name for tool in parameters.functions]
    return (tool for tool in parameters.functions if tool.name in allowed)


def ignored_strict(request: ModelRequest, *, structured: bool) -> tuple[str, ...]:
    """Return the paths of tools' `strict` that cannot be enforced."""
    tools = enumerate(request.parameters.functions)
    return tuple(
        f"tools[{index}].strict"
        for index, tool in tools
        if tool.strict and not (structured and can_hold(tool_schema(tool.parameters)))
    )


def _tools_of_history(request: ModelRequest) -> tuple[FunctionTool, ...]:
    calls = (item for item in request.items if isinstance(item, FunctionCall))
    called = dict.fromkeys(call_name(call.qualified_name) for call in calls)
    if not called:
        return ()
    known = {tool.name for tool in request.history_tools}
    unknown = tuple(FunctionTool(name) for name in called if name not in known)
    return (*request.history_tools, *unknown)


def _tool(tool: FunctionTool, structured: bool) -> dict[str, Any]:
    schema = tool_schema(tool.parameters)
    fields: dict[str, Any] = {"name": tool.name, "input_schema": schema}
    if tool.description:
        fields["description"] = tool.description
    if tool.strict and structured and can_hold(schema):
        fields |= {"input_schema": strict_schema(schema), "strict": True}
    return fields


def _choice(choice: ToolChoice) -> dict[str, Any]:
    match choice:
        case NamedFunction():
            return {"type": "tool", "name": choice.name}
        case "required" | AllowedTools(mode="required"):
            return {"type": "any"}
        case "none":
            return {"type": "none"}
        case "auto" | AllowedTools():
            return {"type": "auto"}
