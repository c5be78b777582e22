"""`echo`: returns its last input, and calls a function only if it must."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.items import FunctionCallOutput, Item, Message
from app.domain.request import ModelRequest
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.local.answer import LocalAnswer, LocalCall, count_words, formatted, wants_summary
from app.providers.local.reading import placeholder, text_of
from app.providers.local.sample import sample


def echo(request: ModelRequest) -> LocalAnswer:
    """Return the last function output or user message, or the call that is required."""
    text = _last_input(request.items)
    thoughts = f"I am to answer {count_words(text)} words." if wants_summary(request) else ""
    tool = _required_tool(request)
    if tool is None:
        answer = formatted(request, text, "echo", lambda schema: sample(schema, text))
        return LocalAnswer(thoughts, text=answer)
    arguments = sample({"type": "object"} | (tool.parameters or {}), text)
    return LocalAnswer(thoughts, (LocalCall(tool.name, arguments),))


def _required_tool(request: ModelRequest) -> FunctionTool | None:
    """Return the tool that must be called now, None after an output."""
    tools = request.parameters.functions
    if request.items and isinstance(request.items[-1], FunctionCallOutput):
        return None
    match request.parameters.tool_choice:
        case "required":
            names = [tool.name for tool in tools]
        case NamedFunction(name=name):
            names = [name]
        case AllowedTools(mode="required", names=allowed):
            names = list(allowed)
        case _:
            return None
    return next((tool for tool in tools if tool.name in names), None)


def _last_input(items: Sequence[Item]) -> str:
    """Return the last function output or user message, "" if there is none."""
    for item in reversed(items):
        if isinstance(item, FunctionCallOutput) or (
            isinstance(item, Message) and item.role == "user"
        ):
            return text_of(item, placeholder)
    return ""
