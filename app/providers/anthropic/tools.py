"""Function tools, and the choice among them. Pure."""

from __future__ import annotations

from typing import Any

from app.domain.items import FunctionCall
from app.domain.request import ModelRequest
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction, ToolChoice
from app.providers.anthropic.families import Family
from app.providers.anthropic.json_schema import strict_schema, tool_schema


def is_forced(request: ModelRequest) -> bool:
    """Tell whether the model must call a tool at once."""
    match request.parameters.tool_choice:
        case "required" | NamedFunction() | AllowedTools(mode="required"):
            return bool(request.parameters.tools)
        case _:
            return False


def toolbox(request: ModelRequest, family: Family) -> dict[str, Any]:
    """Return the fields `tools` and `tool_choice`.

    A history with calls wants definitions even where none is on offer: then none may be called.
    """
    parameters = request.parameters
    if not parameters.tools:
        tools = [_tool(tool, family) for tool in _tools_of_history(request)]
        return {"tools": tools, "tool_choice": {"type": "none"}} if tools else {}
    choice = parameters.tool_choice
    allowed = set(choice.names) if isinstance(choice, AllowedTools) else None
    offered = [tool for tool in parameters.tools if allowed is None or tool.name in allowed]
    how = _choice(choice)
    if parameters.parallel_tool_calls is False and how["type"] != "none":
        how["disable_parallel_tool_use"] = True
    told: dict[str, Any] = {"tools": [_tool(tool, family) for tool in offered]}
    return told if how == {"type": "auto"} else told | {"tool_choice": how}


def strict_in_vain(request: ModelRequest, family: Family) -> tuple[str, ...]:
    """Name the tools' `strict` that this family of models cannot honour."""
    if family.structured:
        return ()
    tools = enumerate(request.parameters.tools)
    return tuple(f"tools[{index}].strict" for index, tool in tools if tool.strict)


def _tools_of_history(request: ModelRequest) -> tuple[FunctionTool, ...]:
    called = {item.name: None for item in request.items if isinstance(item, FunctionCall)}
    if not called:
        return ()
    known = {tool.name for tool in request.history_tools}
    unknown = tuple(FunctionTool(name) for name in called if name not in known)
    return request.history_tools + unknown


def _tool(tool: FunctionTool, family: Family) -> dict[str, Any]:
    schema = tool_schema(tool.parameters)
    shown: dict[str, Any] = {"name": tool.name, "input_schema": schema}
    if tool.description:
        shown["description"] = tool.description
    if tool.strict and family.structured:
        shown |= {"input_schema": strict_schema(schema), "strict": True}
    return shown


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
