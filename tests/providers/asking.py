"""Short ways to ask a provider for something in tests."""

from __future__ import annotations

from typing import Any

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputPart,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Role,
)
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import FunctionTool

TOOL = FunctionTool("get_weather", "Weather of a city", {"type": "object", "properties": {}})
OTHER_TOOL = FunctionTool("get_time")


def said(text: str, role: Role = "user") -> Message:
    """Return a message of one text."""
    part = OutputText(text) if role == "assistant" else InputText(text)
    return Message("msg_1", role, (part,))


def shown(*parts: InputPart) -> Message:
    """Return a user's message of these parts."""
    return Message("msg_1", "user", parts)


def called(call_id: str = "call_1", arguments: str = "{}", name: str = "get_weather") -> Item:
    """Return a call of a function."""
    return FunctionCall("fc_1", call_id, name, arguments)


def answered(output: str | tuple[InputPart, ...], call_id: str = "call_1") -> Item:
    """Return the output of a call."""
    return FunctionCallOutput("fco_1", call_id, output)


def thought(payload: str | None = None, *summary: str) -> Item:
    """Return a reasoning item with what its provider gave to travel back."""
    return Reasoning("rs_1", summary, encrypted_content=payload)


def ask(*items: Item, model: str = "m", stream: bool = False, **parameters: Any) -> ModelRequest:
    """Return a request with these items, or a greeting, and these parameters."""
    return ModelRequest(
        model=model,
        items=items or (said("Hi"),),
        parameters=Parameters(**parameters),
        stream=stream,
    )
