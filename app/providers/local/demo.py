"""`demo`: simulates what a model does with tools, schemas, pictures and a conversation.

It understands nothing. By simple, predictable rules it calls the functions that the user mentions,
finds their arguments in the user's message, and describes its input.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from app.domain.items import FunctionCall, FunctionCallOutput, Item, Message
from app.domain.request import ModelRequest
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.local.answer import LocalAnswer, LocalCall, count_words, formatted, wants_summary
from app.providers.local.findings import found_in
from app.providers.local.media import described
from app.providers.local.reading import text_of

_SHORTEST = 4
_PARTS = re.compile(r"[A-Z]?[a-z]+")
_THOROUGH = frozenset({"high", "xhigh", "max"})
_BRIEF = frozenset({"minimal", "low"})


def demo(request: ModelRequest) -> LocalAnswer:
    """Return calls of the functions that the user mentions; without any, or after them, a text."""
    question = _question(request.items)
    tools = _to_call(request, question)
    calls = tuple(LocalCall(tool.name, _arguments(tool, question)) for tool in tools)
    thoughts = _thoughts(request, question, tools) if wants_summary(request) else ""
    if calls:
        return LocalAnswer(thoughts, calls)
    text = formatted(request, _answer(request), "answer", lambda schema: found_in(question, schema))
    return LocalAnswer(thoughts, text=text)


def _question(items: Sequence[Item]) -> str:
    """Return the user's last message."""
    messages = _messages(items, "user")
    return messages[-1] if messages else ""


def _messages(items: Sequence[Item], role: str) -> list[str]:
    return [
        text_of(item, described)
        for item in items
        if isinstance(item, Message) and item.role == role
    ]


def _to_call(request: ModelRequest, question: str) -> list[FunctionTool]:
    """Return the functions to call now: none after an output."""
    parameters = request.parameters
    if request.items and isinstance(request.items[-1], FunctionCallOutput):
        return []
    tools, must = list(parameters.functions), False
    match parameters.tool_choice:
        case "none":
            return []
        case "required":
            must = True
        case NamedFunction(name=name):
            tools, must = [tool for tool in tools if tool.name == name], True
        case AllowedTools(mode=mode, names=names):
            tools, must = [tool for tool in tools if tool.name in names], mode == "required"
        case _:
            pass
    found = _mentioned(tools, question) or tools[: int(must)]
    return found[:1] if parameters.parallel_tool_calls is False else found


def _mentioned(tools: Sequence[FunctionTool], question: str) -> list[FunctionTool]:
    """Return the functions of whose names the text mentions a longer part, in the text's order."""
    text = question.lower()
    places = {
        tool.name: min(at)
        for tool in tools
        if (at := [text.find(part) for part in _parts_of(tool.name) if part in text])
    }
    return sorted((tool for tool in tools if tool.name in places), key=lambda t: places[t.name])


def _parts_of(name: str) -> list[str]:
    parts = [part.lower() for part in _PARTS.findall(name)]
    return [part for part in parts if len(part) >= _SHORTEST]


def _arguments(tool: FunctionTool, question: str) -> dict[str, Any]:
    made: dict[str, Any] = found_in(question, {"type": "object"} | (tool.parameters or {}))
    return made


def _answer(request: ModelRequest) -> str:
    """Return the answer's text: functions' outputs, or the user's messages and instructions."""
    items = request.items
    if items and isinstance(items[-1], FunctionCallOutput):
        return "\n".join(_given(items))
    sentences = [f"You said: {each}" for each in _messages(items, "user")[-1:]]
    if before := _messages(items, "user")[:-1]:
        sentences.append(f"Before that you said: {' / '.join(before)}")
    if request.parameters.instructions:
        sentences.append(f"My instructions are: {request.parameters.instructions}")
    return "\n".join(sentences) or "You said nothing."


def _given(items: Sequence[Item]) -> list[str]:
    """Return a line for each output at the end of the conversation."""
    names = {item.call_id: item.name for item in items if isinstance(item, FunctionCall)}
    lines: list[str] = []
    for item in reversed(items):
        if isinstance(item, FunctionCallOutput):
            name = names.get(item.call_id, "A function")
            lines.insert(0, f"{name} says: {text_of(item, described)}")
        elif isinstance(item, Message):
            break
    return lines


def _thoughts(request: ModelRequest, question: str, tools: Sequence[FunctionTool]) -> str:
    """Return simulated thoughts: the higher the effort, the more of them."""
    reasoning = request.parameters.reasoning
    effort = reasoning.effort if reasoning else None
    decision = f"I call {', '.join(tool.name for tool in tools)}." if tools else "I can answer."
    sentences = [decision]
    if effort not in _BRIEF:
        sentences.insert(0, f"The user wrote {count_words(question)} words.")
    if effort in _THOROUGH:
        known = ", ".join(tool.name for tool in request.parameters.functions) or "none"
        sentences.insert(1, f"The functions that I have are: {known}.")
    return " ".join(sentences)
