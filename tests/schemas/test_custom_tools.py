"""The custom tools of a request, and the choice among them (G1)."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from app.domain.tools import (
    AllowedTools,
    CustomTool,
    InputGrammar,
    NamedCustomTool,
    NamedFunction,
    NamespaceTool,
    PlainInput,
    choice_in_known_forms,
)
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.schemas.wire.tools import TOOL
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

MISSING, TYPE, VALUE = "missing_required_parameter", "invalid_type", "invalid_value"
NAMED = {"type": "function", "name": "look_up"}
ALLOWED = {"type": "allowed_tools"}
CUSTOM = {"type": "custom", "name": "patch"}
CHOSEN = {"type": "custom", "name": "patch"}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}


def namespace(*tools: Any) -> dict[str, Any]:
    """Return a namespace as callers declare it."""
    return {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [*tools]}


@pytest.mark.parametrize(
    ("more", "made"),
    [
        ({}, PlainInput()),
        ({"format": None}, PlainInput()),
        ({"format": {"type": "text"}}, PlainInput()),
        ({"format": GRAMMAR}, InputGrammar("lark", "start: /a/")),
        ({"format": GRAMMAR | {"syntax": "regex"}}, InputGrammar("regex", "start: /a/")),
    ],
)
@pytest.mark.parametrize("policy", [True, False])
def test_a_custom_tool_takes_a_text_or_a_grammar_under_every_policy(
    more: dict[str, Any], made: Any, policy: bool
) -> None:
    request = CREATE_REQUEST.load(
        body(tools=[CUSTOM | more, namespace(CUSTOM | more)]),
        context=ReadContext(drops_unsupported=policy),
    )
    tool = CustomTool("patch", None, made)
    assert request.parameters.tools == (tool, NamespaceTool("crm", "Customers.", (tool,)))
    assert request.ignored == ()


WRONG_CUSTOM: list[tuple[Any, str, str]] = [
    ({"type": "custom"}, MISSING, ".name"),
    (CUSTOM | {"name": "a b"}, VALUE, ".name"),
    (CUSTOM | {"description": 5}, TYPE, ".description"),
    (CUSTOM | {"format": "text"}, TYPE, ".format"),
    (CUSTOM | {"format": {}}, MISSING, ".format.type"),
    (CUSTOM | {"format": {"type": "json"}}, VALUE, ".format.type"),
    (CUSTOM | {"format": GRAMMAR | {"syntax": "ebnf"}}, VALUE, ".format.syntax"),
    (CUSTOM | {"format": GRAMMAR | {"syntax": None}}, MISSING, ".format.syntax"),
    (CUSTOM | {"format": GRAMMAR | {"definition": ""}}, VALUE, ".format.definition"),
    (CUSTOM | {"format": GRAMMAR | {"definition": None}}, MISSING, ".format.definition"),
    (CUSTOM | {"format": GRAMMAR | {"definition": 5}}, TYPE, ".format.definition"),
]


@pytest.mark.parametrize("policy", ["refuse", "drop"])
@pytest.mark.parametrize(("raw", "code", "where"), WRONG_CUSTOM)
def test_a_custom_tool_that_is_wrong_is_refused_by_its_path(
    raw: Any, code: str, where: str, policy: Literal["refuse", "drop"]
) -> None:
    top, inside = fault(body(tools=[raw]), policy), fault(body(tools=[namespace(raw)]), policy)
    assert (top.code, top.param) == (code, f"tools[0]{where}")
    assert (inside.code, inside.param) == (code, f"tools[0].tools[0]{where}")


NESTED_GRAMMAR = {
    "type": "grammar",
    "grammar": {"syntax": "lark", "definition": "start: /a/"},
}


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"name": "patch"}, CustomTool("patch", None, PlainInput())),
        (
            {"name": "patch", "description": "d", "format": NESTED_GRAMMAR},
            CustomTool("patch", "d", InputGrammar("lark", "start: /a/")),
        ),
    ],
)
def test_a_custom_tool_is_taken_as_chat_nests_it(given: dict[str, Any], made: CustomTool) -> None:
    nested = {"type": "custom", "custom": given}
    chosen = {"type": "custom", "custom": {"name": "patch"}}
    for choice in (chosen, {"type": "allowed_tools", "mode": "required", "tools": [chosen]}):
        parameters = load(tools=[nested], tool_choice=choice).parameters
        assert parameters.tools == (made,)
    assert load(tools=[nested], tool_choice=chosen).parameters.tool_choice == (
        NamedCustomTool("patch")
    )


@pytest.mark.parametrize(
    ("given", "code", "where"),
    [
        ({"custom": {}}, MISSING, "custom.name"),
        ({"custom": {"name": "a b"}}, VALUE, "custom.name"),
        ({"custom": 5}, TYPE, "custom"),
        ({"name": "p", "format": {"type": "grammar", "grammar": {}}}, MISSING, "format.grammar."),
        ({"name": "p", "format": {"type": "grammar"}}, MISSING, "format."),
    ],
)
def test_what_is_wrong_in_a_nested_custom_tool_is_named_by_its_path(
    given: dict[str, Any], code: str, where: str
) -> None:
    found, path = verdict(body(tools=[{"type": "custom"} | given]))
    assert found == code
    assert str(path).startswith(f"tools[0].{where}")


def test_a_name_is_taken_by_a_function_and_a_custom_tool_alike() -> None:
    tools = [FUNCTION, CUSTOM | {"name": "look_up"}]
    assert verdict(body(tools=tools)) == (VALUE, "tools[1].name")


@pytest.mark.parametrize(
    ("tools", "known_as"), [([CUSTOM], "patch"), ([namespace(FUNCTION, CUSTOM)], "crm__patch")]
)
def test_a_custom_tool_can_be_chosen(tools: list[Any], known_as: str) -> None:
    parameters = load(tools=tools, tool_choice=CHOSEN).parameters
    assert parameters.tool_choice == NamedCustomTool("patch")
    assert choice_in_known_forms(parameters.tool_choice, parameters.tools) == NamedFunction(
        known_as
    )


def test_functions_and_custom_tools_can_be_allowed_together() -> None:
    choice = ALLOWED | {"mode": "auto", "tools": [NAMED, CHOSEN]}
    request = load(
        tools=[FUNCTION, namespace(CUSTOM), {"type": "custom", "name": "other"}], tool_choice=choice
    )
    assert echo(request)["tool_choice"] == choice
    chosen = choice_in_known_forms(request.parameters.tool_choice, request.parameters.tools)
    assert chosen == AllowedTools("auto", ("look_up", "crm__patch"))


@pytest.mark.parametrize(
    ("choice", "where"),
    [
        ({"type": "function", "name": "patch"}, "tool_choice"),
        ({"type": "custom", "name": "look_up"}, "tool_choice"),
        (ALLOWED | {"tools": [{"type": "function", "name": "patch"}]}, "tool_choice"),
    ],
)
def test_a_choice_is_of_a_tool_of_its_own_kind(choice: Any, where: str) -> None:
    assert verdict(body(tools=[FUNCTION, CUSTOM], tool_choice=choice)) == (VALUE, where)


def test_a_response_shows_a_custom_tool_as_it_was_declared() -> None:
    declared = [
        CUSTOM | {"description": "Edits.", "format": GRAMMAR},
        namespace(CUSTOM | {"description": None, "format": {"type": "text"}}),
    ]
    request = load(tools=declared)
    shown = echo(request)["tools"]
    assert shown == declared
    assert tuple(map(TOOL.load, shown)) == request.parameters.tools
