"""Tools and the choice among them, for an upstream that speaks Responses itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.tools import (
    AllowedTools,
    CustomTool,
    FunctionTool,
    NamedFunction,
    NamespaceTool,
    ToolChoice,
)
from app.providers.openai_responses.request import ignored, to_upstream
from app.providers.openai_responses.tools import tool_json
from app.providers.profiles import PROFILES, Profile
from tests.providers.asking import OTHER_TOOL, TOOL, ask

OPENAI = PROFILES["openai"]
PERSON = {"type": "object", "properties": {}}
ALLOWED = AllowedTools("auto", ("get_time",))


def body(profile: Profile = OPENAI, **parameters: Any) -> dict[str, Any]:
    return to_upstream(ask(**parameters), profile)


def in_vain(profile: Profile = OPENAI, **parameters: Any) -> tuple[str, ...]:
    return ignored(ask(**parameters), profile)


def test_a_tool_has_what_was_given_only() -> None:
    assert body(tools=(TOOL, OTHER_TOOL, FunctionTool("f", strict=False)))["tools"] == [
        {
            "type": "function",
            "name": "get_weather",
            "description": "Weather of a city",
            "parameters": PERSON,
        },
        {"type": "function", "name": "get_time"},
        {"type": "function", "name": "f", "strict": False},
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        ("none", "none"),
        ("required", "required"),
        (NamedFunction("get_time"), {"type": "function", "name": "get_time"}),
        (
            ALLOWED,
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "get_time"}],
            },
        ),
    ],
)
def test_a_choice_is_passed_on(choice: ToolChoice, expected: object) -> None:
    request = body(tools=(TOOL, OTHER_TOOL), tool_choice=choice)
    assert request.get("tool_choice") == expected
    assert len(request["tools"]) == 2


@pytest.mark.parametrize(
    ("known", "choice", "names", "expected"),
    [
        ("named", ALLOWED, ["get_time"], None),
        ("named", AllowedTools("required", ("get_time",)), ["get_time"], "required"),
        ("modes", NamedFunction("get_time"), ["get_time"], "required"),
        ("modes", "required", ["get_weather", "get_time"], "required"),
        ("never", NamedFunction("get_time"), ["get_time"], None),
        ("never", ALLOWED, ["get_time"], None),
        ("never", "required", ["get_weather", "get_time"], None),
        ("never", "none", None, None),
    ],
)
def test_a_choice_that_is_not_understood_is_made_by_showing_other_tools(
    known: Any, choice: ToolChoice, names: list[str] | None, expected: str | None
) -> None:
    request = body(replace(OPENAI, tool_choice=known), tools=(TOOL, OTHER_TOOL), tool_choice=choice)
    assert (names is None) == ("tools" not in request)
    assert [tool["name"] for tool in request.get("tools", ())] == (names or [])
    assert request.get("tool_choice") == expected


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ("auto", ()),
        ("none", ()),
        (ALLOWED, ()),
        ("required", ("tool_choice",)),
        (NamedFunction("get_time"), ("tool_choice",)),
    ],
)
def test_a_choice_that_cannot_be_told_is_named(choice: ToolChoice, named: tuple[str, ...]) -> None:
    profile = replace(OPENAI, tool_choice="never")
    assert in_vain(profile, tools=(TOOL, OTHER_TOOL), tool_choice=choice) == named


def test_a_choice_without_tools_is_no_choice() -> None:
    profile = replace(OPENAI, tool_choice="never")
    assert in_vain(profile, tool_choice="none") == ()
    assert body(profile, tool_choice="none") == body(profile)
    assert in_vain(profile, tool_choice="required") == ()


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_are_passed_on_with_tools_only(parallel: bool) -> None:
    assert body(tools=(TOOL,), parallel_tool_calls=parallel)["parallel_tool_calls"] is parallel
    assert body(parallel_tool_calls=parallel) == body()


def test_strict_tools_are_left_out_and_named() -> None:
    profile, tools = replace(OPENAI, strict_tools=False), (TOOL, FunctionTool("f", strict=True))
    assert body(profile, tools=tools)["tools"][1] == {"type": "function", "name": "f"}
    assert in_vain(profile, tools=tools) == ("tools[1].strict",)


def test_calls_one_at_a_time_are_left_out_and_named() -> None:
    profile = replace(OPENAI, parallel_tool_calls=False)
    given: dict[str, Any] = {"tools": (TOOL,), "parallel_tool_calls": False}
    assert "parallel_tool_calls" not in body(profile, **given)
    assert in_vain(profile, **given) == ("parallel_tool_calls",)


@pytest.mark.parametrize("tool_search", [True, False])
@pytest.mark.parametrize("kind", [FunctionTool, CustomTool])
def test_who_may_call_a_tool_and_when_it_is_loaded_is_sent(
    kind: type[FunctionTool | CustomTool], *, tool_search: bool
) -> None:
    tool = kind("f", defer_loading=True, allowed_callers=("programmatic",))
    sent = tool_json(tool, replace(OPENAI, tool_search=tool_search))
    assert sent["allowed_callers"] == ("programmatic",)
    assert sent.get("defer_loading") is (True if tool_search else None)
    namespace = NamespaceTool("n", "tools", (tool,))
    assert tool_json(namespace, replace(OPENAI, tool_search=tool_search))["tools"] == [sent]
