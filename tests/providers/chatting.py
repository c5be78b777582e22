"""Short ways to write requests to Chat Completions in tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputPart,
    InputText,
    Item,
    Message,
    OutputText,
)
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import FunctionTool
from app.providers.profiles import PROFILES, Profile

GENERIC = PROFILES["generic"]
OPENAI = PROFILES["openai"]

WEATHER = FunctionTool(
    "weather", "Tell the weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)
TIME = FunctionTool("time")


def request(
    *items: Item, model: str = "m", stream: bool = False, **parameters: Any
) -> ModelRequest:
    """Return a request; without items it says hello."""
    return ModelRequest(
        model=model,
        items=items or (user("Hello."),),
        parameters=Parameters(**parameters),
        stream=stream,
    )


def user(*parts: str | InputPart) -> Message:
    """Return a user's message."""
    return Message("msg_1", "user", _parts(parts))


def assistant(*texts: str) -> Message:
    """Return an assistant's message."""
    return Message("msg_2", "assistant", tuple(OutputText(text) for text in texts))


def call(call_id: str, name: str = "weather", arguments: str = "{}") -> FunctionCall:
    """Return a call of a function."""
    return FunctionCall("fc_1", call_id, name, arguments)


def output(call_id: str, *parts: str | InputPart) -> FunctionCallOutput:
    """Return the output of a call: a string, or parts."""
    if len(parts) == 1 and isinstance(parts[0], str):
        return FunctionCallOutput("fco_1", call_id, parts[0])
    return FunctionCallOutput("fco_1", call_id, _parts(parts))


def knowing(**quirks: Any) -> Profile:
    """Return the generic profile with some quirks."""
    return replace(GENERIC, **quirks)


def _parts(parts: tuple[str | InputPart, ...]) -> tuple[InputPart, ...]:
    return tuple(InputText(part) if isinstance(part, str) else part for part in parts)
