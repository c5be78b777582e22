"""Tools, and the choice among them, in the words of Chat Completions."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.openai_chat.request import ignored, to_upstream
from app.providers.profiles import Profile
from tests.providers.chatting import GENERIC, OPENAI, TIME, WEATHER, knowing, request

NAMED_TIME = {"type": "function", "function": {"name": "time"}}


def sent(profile: Profile = GENERIC, **parameters: Any) -> dict[str, Any]:
    return to_upstream(request(**parameters), profile)


def test_a_tool_has_a_schema_in_any_case() -> None:
    weather, time = sent(tools=(WEATHER, TIME))["tools"]
    assert weather == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tell the weather.",
            "parameters": WEATHER.parameters,
        },
    }
    assert time["function"] == {"name": "time", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize("strict", [True, False])
def test_strict_is_sent_as_given(strict: bool) -> None:
    (tool,) = sent(OPENAI, tools=(FunctionTool("f", strict=strict),))["tools"]
    assert tool["function"]["strict"] is strict


def test_what_chat_takes_for_granted_of_strict_is_left_out_without_a_word() -> None:
    body: dict[str, Any] = {"tools": (FunctionTool("f", strict=False),)}
    assert "strict" not in sent(GENERIC, **body)["tools"][0]["function"]
    assert ignored(request(**body), GENERIC) == ()


def test_strict_is_left_out_and_named_where_it_is_unknown() -> None:
    body: dict[str, Any] = {"tools": (TIME, FunctionTool("f", strict=True))}
    profile = knowing(strict_tools=False)
    assert "strict" not in sent(profile, **body)["tools"][1]["function"]
    assert ignored(request(**body), profile) == ("tools[1].strict",)


@pytest.mark.parametrize(
    ("form", "choice", "names", "expected"),
    [
        ("full", "auto", ["weather", "time"], None),
        ("full", "none", ["weather", "time"], "none"),
        ("full", "required", ["weather", "time"], "required"),
        ("full", NamedFunction("time"), ["weather", "time"], NAMED_TIME),
        (
            "full",
            AllowedTools("required", ("time",)),
            ["weather", "time"],
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED_TIME]}},
        ),
        ("named", NamedFunction("time"), ["weather", "time"], NAMED_TIME),
        ("named", AllowedTools("auto", ("time",)), ["time"], None),
        ("named", AllowedTools("required", ("time",)), ["time"], "required"),
        ("modes", "required", ["weather", "time"], "required"),
        ("modes", NamedFunction("time"), ["time"], "required"),
        ("modes", AllowedTools("auto", ("time",)), ["time"], None),
        ("never", "auto", ["weather", "time"], None),
        ("never", "none", [], None),
        ("never", "required", ["weather", "time"], None),
        ("never", NamedFunction("time"), ["time"], None),
        ("never", AllowedTools("required", ("time",)), ["time"], None),
    ],
)
def test_the_choice_of_tools_is_told_as_far_as_it_is_understood(
    form: str, choice: Any, names: list[str], expected: Any
) -> None:
    body = sent(knowing(tool_choice=form), tools=(WEATHER, TIME), tool_choice=choice)
    assert [tool["function"]["name"] for tool in body.get("tools", ())] == names
    assert body.get("tool_choice") == expected


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", ()),
        ("none", ()),
        (AllowedTools("auto", ("time",)), ()),
        ("required", ("tool_choice",)),
        (NamedFunction("time"), ("tool_choice",)),
        (AllowedTools("required", ("time",)), ("tool_choice",)),
    ],
)
def test_a_demand_that_is_not_understood_is_named(choice: Any, names: tuple[str, ...]) -> None:
    payload = request(tools=(TIME,), tool_choice=choice)
    assert ignored(payload, knowing(tool_choice="never")) == names


def test_a_choice_without_tools_is_not_told() -> None:
    body = sent(tool_choice="none", parallel_tool_calls=False)
    assert body.keys() == {"model", "messages", "stream"}


def test_parallel_calls_are_told_with_tools() -> None:
    assert sent(tools=(TIME,), parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_parallel_calls_are_left_out_and_named_where_they_are_unknown() -> None:
    profile = knowing(parallel_tool_calls=False)
    body: dict[str, Any] = {"tools": (TIME,), "parallel_tool_calls": False}
    assert "parallel_tool_calls" not in sent(profile, **body)
    assert ignored(request(**body), profile) == ("parallel_tool_calls",)
