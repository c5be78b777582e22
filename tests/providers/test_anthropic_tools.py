"""Tools and schemas in Anthropic's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.tools import AllowedTools, FunctionTool, NamedFunction, ToolChoice
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.profiles import PROFILES, ToolChoiceForm
from tests.providers.asking import OTHER_TOOL, TOOL, answered, ask, called, said

MODEL = "claude-sonnet-4-6"
EMPTY = {"type": "object", "properties": {}}


def fields(*items: Any, **parameters: Any) -> dict[str, Any]:
    body = to_upstream(ask(*items, model=MODEL, **parameters), PROFILES["anthropic"])
    return {name: body[name] for name in ("tools", "tool_choice") if name in body}


def test_a_tool_has_a_name_a_description_and_a_schema() -> None:
    body = {"name": "get_weather", "description": "Weather of a city", "input_schema": EMPTY}
    assert fields(tools=(TOOL,)) == {"tools": [body]}


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert fields(tools=(OTHER_TOOL,)) == {"tools": [{"name": "get_time", "input_schema": EMPTY}]}


def test_a_strict_tool_has_a_closed_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    tool = fields(tools=(FunctionTool("f", None, schema, True),))["tools"][0]
    assert tool["strict"] is True
    assert tool["input_schema"]["additionalProperties"] is False


@pytest.mark.parametrize("strict", [False, None])
def test_a_tool_that_is_not_strict_keeps_its_schema(strict: bool | None) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    tool = fields(tools=(FunctionTool("f", None, schema, strict),))["tools"][0]
    assert tool == {"name": "f", "input_schema": schema}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        (NamedFunction("get_time"), {"type": "tool", "name": "get_time"}),
    ],
)
def test_a_choice_has_another_name(choice: ToolChoice, expected: dict[str, str] | None) -> None:
    request = fields(tools=(TOOL, OTHER_TOOL), tool_choice=choice)
    assert request.get("tool_choice") == expected
    assert len(request["tools"]) == 2


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (AllowedTools("auto", ("get_time",)), None),
        (AllowedTools("required", ("get_time",)), {"type": "any"}),
    ],
)
def test_allowed_tools_are_the_only_ones_shown(
    choice: ToolChoice, expected: dict[str, str] | None
) -> None:
    request = fields(tools=(TOOL, OTHER_TOOL), tool_choice=choice)
    assert request.get("tool_choice") == expected
    assert [tool["name"] for tool in request["tools"]] == ["get_time"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
def test_calls_one_at_a_time_are_said_with_the_choice(
    choice: ToolChoice, expected: dict[str, Any]
) -> None:
    request = fields(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=False)
    assert request["tool_choice"] == expected


@pytest.mark.parametrize("parallel", [True, False, None])
def test_without_tools_there_is_nothing_to_choose(parallel: bool | None) -> None:
    assert fields(parallel_tool_calls=parallel, tool_choice="none") == {}


def test_a_history_with_calls_brings_the_tools_that_it_was_asked_with() -> None:
    items = said("Hi"), called(), answered("1"), called("b", name="gone"), answered("2", "b")
    request = replace(ask(*items, model=MODEL), history_tools=(TOOL, OTHER_TOOL))
    body = to_upstream(request, PROFILES["anthropic"])
    assert [tool["name"] for tool in body["tools"]] == ["get_weather", "get_time", "gone"]
    assert body["tool_choice"] == {"type": "none"}


def test_a_history_without_calls_needs_no_tools() -> None:
    request = replace(ask(model=MODEL), history_tools=(TOOL,))
    assert "tools" not in to_upstream(request, PROFILES["anthropic"])


def test_the_callers_own_tools_stand_for_those_of_the_history() -> None:
    items = said("Hi"), called(), answered("1")
    request = replace(ask(*items, model=MODEL, tools=(OTHER_TOOL,)), history_tools=(TOOL,))
    body = to_upstream(request, PROFILES["anthropic"])
    assert [tool["name"] for tool in body["tools"]] == ["get_time"]
    assert "tool_choice" not in body


def of_a_server_that_knows(form: ToolChoiceForm, **parameters: Any) -> dict[str, Any]:
    """Return the fields about tools for a server that understands less of tool_choice."""
    profile = replace(PROFILES["anthropic"], tool_choice=form)
    body = to_upstream(ask(model=MODEL, **parameters), profile)
    shown = {"tools": [tool["name"] for tool in body["tools"]]} if "tools" in body else {}
    return shown | ({"tool_choice": body["tool_choice"]} if "tool_choice" in body else {})


@pytest.mark.parametrize(
    ("choice", "names", "expected"),
    [
        ("auto", ["get_weather", "get_time"], None),
        ("required", ["get_weather", "get_time"], {"type": "any"}),
        (NamedFunction("get_time"), ["get_time"], {"type": "any"}),
        (AllowedTools("auto", ("get_time",)), ["get_time"], None),
    ],
)
@pytest.mark.parametrize("form", ["modes", "never"])
def test_a_choice_that_is_not_understood_is_made_by_showing_other_tools(
    form: ToolChoiceForm, choice: ToolChoice, names: list[str], expected: dict[str, str] | None
) -> None:
    sent = of_a_server_that_knows(form, tools=(TOOL, OTHER_TOOL), tool_choice=choice)
    said_so = {"tool_choice": expected} if expected and form == "modes" else {}
    assert sent == {"tools": names} | said_so


@pytest.mark.parametrize("form", ["modes", "never"])
def test_to_call_none_is_to_be_shown_none(form: ToolChoiceForm) -> None:
    assert of_a_server_that_knows(form, tools=(TOOL,), tool_choice="none") == {}


def test_a_history_with_calls_brings_no_tools_where_calling_none_is_not_understood() -> None:
    request = replace(ask(said("Hi"), called(), answered("1"), model=MODEL), history_tools=(TOOL,))
    profile = replace(PROFILES["anthropic"], tool_choice="modes")
    assert "tools" not in to_upstream(request, profile)


@pytest.mark.parametrize(
    ("quirks", "parameters", "in_vain"),
    [
        ({"tool_choice": "never"}, {"tool_choice": "required"}, ("tool_choice",)),
        ({"tool_choice": "modes"}, {"tool_choice": "required"}, ()),
        ({"tool_choice": "never"}, {"tool_choice": "none"}, ()),
        (
            {"parallel_tool_calls": False},
            {"parallel_tool_calls": False},
            ("parallel_tool_calls",),
        ),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": True}, ()),
    ],
)
def test_what_cannot_be_said_of_tools_is_named(
    quirks: dict[str, Any], parameters: dict[str, Any], in_vain: tuple[str, ...]
) -> None:
    profile = replace(PROFILES["anthropic"], **quirks)
    assert ignored(ask(model=MODEL, tools=(TOOL,), **parameters), profile) == in_vain


def test_calls_one_at_a_time_are_not_asked_for_in_vain() -> None:
    profile = replace(PROFILES["anthropic"], parallel_tool_calls=False)
    request = ask(model=MODEL, tools=(TOOL,), tool_choice="required", parallel_tool_calls=False)
    assert to_upstream(request, profile)["tool_choice"] == {"type": "any"}


def test_a_server_that_knows_no_schemas_is_not_told_to_be_strict() -> None:
    request = ask(model=MODEL, tools=(FunctionTool("f", None, EMPTY, True),))
    profile = replace(PROFILES["anthropic"], text_format=False)
    assert to_upstream(request, profile)["tools"] == [{"name": "f", "input_schema": EMPTY}]
    assert ignored(request, profile) == ("tools[0].strict",)
