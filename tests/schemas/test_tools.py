"""Tools, and how the model may choose among them (R7, R8, R14)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.tools import (
    AllowedTools,
    FunctionTool,
    NamedFunction,
    NamespaceTool,
    choice_in_known_forms,
)
from app.schemas.depth import MOST_NESTED
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.schemas.wire.tools import TOOL
from app.settings import HOSTED_TOOLS
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
NAMED = {"type": "function", "name": "look_up"}


def test_a_function_may_be_a_name_alone() -> None:
    assert load(tools=[FUNCTION]).parameters.tools == (FunctionTool("look_up"),)


def test_a_function_keeps_all_that_is_said_of_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    given = FUNCTION | {"description": "d", "parameters": schema, "strict": False}
    assert load(tools=[given]).parameters.tools == (FunctionTool("look_up", "d", schema, False),)


WRONG: list[tuple[Any, str, str]] = [
    (5, TYPE, ""),
    ({}, MISSING, ".type"),
    ({"type": 5}, TYPE, ".type"),
    ({"type": "function"}, MISSING, ".name"),
    ({"type": "function", "function": {}}, MISSING, ".function.name"),
    (FUNCTION | {"name": ""}, VALUE, ".name"),
    (FUNCTION | {"name": "a b"}, VALUE, ".name"),
    (FUNCTION | {"name": "a\n"}, VALUE, ".name"),
    (FUNCTION | {"name": "é"}, VALUE, ".name"),
    (FUNCTION | {"name": "x" * 65}, VALUE, ".name"),
    (FUNCTION | {"name": 5}, TYPE, ".name"),
    (FUNCTION | {"description": 5}, TYPE, ".description"),
    (FUNCTION | {"parameters": "{}"}, TYPE, ".parameters"),
    (FUNCTION | {"parameters": []}, TYPE, ".parameters"),
    (FUNCTION | {"strict": "true"}, TYPE, ".strict"),
    (FUNCTION | {"strict": 1}, TYPE, ".strict"),
    ({"type": "no_such_tool"}, "unsupported_value", ".type"),
]


@pytest.mark.parametrize(("raw", "code", "where"), WRONG)
def test_a_tool_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, where: str) -> None:
    assert verdict(body(tools=[raw])) == (code, f"tools[0]{where}")


@pytest.mark.parametrize("kind", sorted({*HOSTED_TOOLS} - {"web_search", "tool_search"}))
def test_a_hosted_tool_is_refused_by_name_and_pointed_to_functions(kind: str) -> None:
    refused = fault(body(tools=[FUNCTION, {"type": kind}]))
    assert (refused.code, refused.param) == ("unsupported_value", "tools[1].type")
    assert f'"{kind}"' in refused.message
    assert '"function"' in refused.message


def test_a_name_is_given_to_one_tool_only() -> None:
    assert verdict(body(tools=[FUNCTION, FUNCTION])) == (VALUE, "tools[1].name")


def nested(levels: int) -> dict[str, Any]:
    """Return an object of so many levels, itself included."""
    deep: dict[str, Any] = {}
    for _ in range(levels - 1):
        deep = {"a": deep}
    return deep


def test_parameters_may_nest_as_deep_as_json_can_be_written() -> None:
    tool = FUNCTION | {"parameters": nested(MOST_NESTED)}
    assert load(tools=[tool]).parameters.functions[0].parameters == tool["parameters"]


@pytest.mark.parametrize("levels", [MOST_NESTED + 1, 5 * MOST_NESTED])
def test_parameters_nested_deeper_are_refused(levels: int) -> None:
    assert verdict(body(tools=[FUNCTION | {"parameters": nested(levels)}])) == (
        VALUE,
        "tools[0].parameters",
    )


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_a_mode_is_kept(mode: str) -> None:
    assert load(tools=[FUNCTION], tool_choice=mode).parameters.tool_choice == mode


@pytest.mark.parametrize("mode", ["auto", "none"])
def test_not_every_mode_needs_tools(mode: str) -> None:
    assert load(tool_choice=mode).parameters.tool_choice == mode


@pytest.mark.parametrize("given", [NAMED, {"type": "function", "function": {"name": "look_up"}}])
def test_a_function_may_be_chosen_in_two_spellings(given: dict[str, Any]) -> None:
    assert load(tools=[FUNCTION], tool_choice=given).parameters.tool_choice == (
        NamedFunction("look_up")
    )


@pytest.mark.parametrize(
    "given",
    [
        {"type": "allowed_tools", "mode": "required", "tools": [NAMED]},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}},
    ],
)
def test_some_tools_may_be_allowed_in_two_spellings(given: dict[str, Any]) -> None:
    assert load(tools=[FUNCTION], tool_choice=given).parameters.tool_choice == (
        AllowedTools("required", ("look_up",))
    )


def test_allowed_tools_of_which_none_may_be_called_are_none() -> None:
    given = {"type": "allowed_tools", "mode": "none", "tools": [NAMED]}
    assert load(tools=[FUNCTION], tool_choice=given).parameters.tool_choice == "none"


def test_allowed_tools_need_not_be_called() -> None:
    given = {"type": "allowed_tools", "tools": [NAMED]}
    assert load(tools=[FUNCTION], tool_choice=given).parameters.tool_choice == (
        AllowedTools("auto", ("look_up",))
    )


def test_the_choice_may_come_before_the_tools() -> None:
    given = {"tool_choice": NAMED} | body(tools=[FUNCTION])
    assert CREATE_REQUEST.load(given).parameters.tool_choice == NamedFunction("look_up")


ALLOWED = {"type": "allowed_tools"}
OTHER = {"type": "function", "name": "other"}
WRONG_CHOICES: list[tuple[Any, str, str]] = [
    ("any", VALUE, ""),
    ([], TYPE, ""),
    (True, TYPE, ""),
    ({}, MISSING, ".type"),
    ({"type": 5}, TYPE, ".type"),
    ({"type": "auto"}, VALUE, ".type"),
    ({"type": "web_search"}, "unsupported_value", ".type"),
    ({"type": "custom", "name": "look_up"}, VALUE, ""),
    ({"type": "custom"}, MISSING, ".name"),
    ({"type": "mcp", "name": "look_up"}, "unsupported_value", ".type"),
    ({"type": "function"}, MISSING, ".name"),
    ({"type": "function", "name": 5}, TYPE, ".name"),
    ({"type": "function", "name": "a b"}, VALUE, ".name"),
    ({"type": "function", "function": 5}, TYPE, ".function"),
    ({"type": "function", "function": {}}, MISSING, ".function.name"),
    (OTHER, VALUE, ""),
    (ALLOWED, MISSING, ".tools"),
    (ALLOWED | {"allowed_tools": {}}, MISSING, ".allowed_tools.tools"),
    (ALLOWED | {"tools": {}}, TYPE, ".tools"),
    (ALLOWED | {"tools": []}, VALUE, ".tools"),
    (ALLOWED | {"tools": [5]}, TYPE, ".tools[0]"),
    (ALLOWED | {"tools": [NAMED, {"type": "mcp"}]}, "unsupported_value", ".tools[1].type"),
    (ALLOWED | {"tools": [NAMED, OTHER]}, VALUE, ""),
    (ALLOWED | {"tools": [NAMED], "mode": "any"}, VALUE, ".mode"),
]


@pytest.mark.parametrize(("raw", "code", "where"), WRONG_CHOICES)
def test_a_choice_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, where: str) -> None:
    assert verdict(body(tools=[FUNCTION], tool_choice=raw)) == (code, f"tool_choice{where}")


@pytest.mark.parametrize("raw", ["required", NAMED, ALLOWED | {"tools": [NAMED]}])
def test_a_call_cannot_be_forced_without_tools(raw: Any) -> None:
    assert fault(body(tool_choice=raw)).code == VALUE


HOSTED_TOOL = {"type": "web_search"}
COMPUTER = {"type": "computer", "name": "patch"}
DROPPED_MEMBER = {"type": "computer", "name": "other"}
NAMESPACE = {"type": "namespace", "name": "crm", "tools": [DROPPED_MEMBER]}


def test_where_told_to_drop_a_tool_is_left_out_and_named() -> None:
    request = CREATE_REQUEST.load(
        body(tools=[HOSTED_TOOL, FUNCTION, COMPUTER, NAMESPACE, {"type": "new"}]),
        context=ReadContext(drops_unsupported=True),
    )
    assert request.parameters.tools == (FunctionTool("look_up"),)
    assert request.ignored == ("tools[0]", "tools[2]", "tools[3].tools[0]", "tools[4]")


@pytest.mark.parametrize(
    ("raw", "where"), [(5, ""), ({}, ".type"), (FUNCTION | {"name": ""}, ".name")]
)
def test_where_told_to_drop_a_broken_tool_is_refused_all_the_same(raw: Any, where: str) -> None:
    assert fault(body(tools=[raw]), "drop").param == f"tools[0]{where}"


@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26", "mcp_2030_01_01"])
def test_a_dated_tool_is_called_what_it_is(kind: str) -> None:
    refused = fault(body(tools=[{"type": kind}]))
    assert f'"{kind}" runs on another vendor' in refused.message


@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_search_of_the_web_is_left_out_beside_another_tool(kind: str, place: int) -> None:
    tools: list[Any] = [FUNCTION]
    tools.insert(place, {"type": kind, "external_web_access": False})
    request = load(tools=tools, tool_choice="required")
    assert request.parameters.tools == (FunctionTool("look_up"),)
    assert request.ignored == (f"tools[{place}]",)


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([HOSTED_TOOL], "auto", "tools[0].type"),
        ([HOSTED_TOOL, {"type": "web_search_2025_08_26"}], "auto", "tools[0].type"),
        ([FUNCTION, HOSTED_TOOL], {"type": "web_search"}, "tool_choice.type"),
        ([FUNCTION, {"type": "web_search_preview"}], "auto", "tools[1].type"),
        ([FUNCTION, {"type": "web_search_preview_2025_03_11"}], "auto", "tools[1].type"),
    ],
)
def test_a_search_of_the_web_that_is_wanted_or_alone_is_refused(
    tools: list[Any], choice: Any, where: str
) -> None:
    assert verdict(body(tools=tools, tool_choice=choice)) == ("unsupported_value", where)


DROPPED_CHOICES: list[tuple[list[Any], Any, Any, tuple[str, ...]]] = [
    ([HOSTED_TOOL], "required", "auto", ("tools[0]", "tool_choice")),
    ([HOSTED_TOOL], {"type": "web_search"}, "auto", ("tools[0]", "tool_choice")),
    ([COMPUTER], {"type": "computer", "name": "patch"}, "auto", ("tools[0]", "tool_choice")),
    ([COMPUTER], {"type": "custom", "name": "patch"}, "auto", ("tools[0]", "tool_choice.name")),
    ([NAMESPACE], OTHER, "auto", ("tools[0].tools[0]", "tool_choice.name")),
    ([FUNCTION, HOSTED_TOOL], "required", "required", ("tools[1]",)),
    (
        [FUNCTION, HOSTED_TOOL],
        ALLOWED | {"tools": [HOSTED_TOOL, NAMED]},
        AllowedTools("auto", ("look_up",)),
        ("tools[1]", "tool_choice.tools[0]"),
    ),
    (
        [FUNCTION, NAMESPACE],
        ALLOWED | {"tools": [NAMED, OTHER]},
        AllowedTools("auto", ("look_up",)),
        ("tools[1].tools[0]", "tool_choice.tools"),
    ),
    (
        [FUNCTION, HOSTED_TOOL],
        ALLOWED | {"tools": [HOSTED_TOOL]},
        "none",
        ("tools[1]", "tool_choice.tools[0]"),
    ),
]


@pytest.mark.parametrize(("tools", "choice", "left", "ignored"), DROPPED_CHOICES)
def test_a_choice_of_dropped_tools_is_dropped_with_them(
    tools: list[Any], choice: Any, left: Any, ignored: tuple[str, ...]
) -> None:
    request = CREATE_REQUEST.load(
        body(tools=tools, tool_choice=choice), context=ReadContext(drops_unsupported=True)
    )
    assert (request.parameters.tool_choice, request.ignored) == (left, ignored)


@pytest.mark.parametrize("raw", ["required", OTHER, ALLOWED | {"tools": [OTHER]}])
def test_where_told_to_drop_a_choice_of_no_tool_is_refused_all_the_same(raw: Any) -> None:
    tools = [] if raw == "required" else [FUNCTION, HOSTED_TOOL]
    assert fault(body(tools=tools, tool_choice=raw), "drop").code == VALUE


def namespace(*tools: Any, **more: Any) -> dict[str, Any]:
    """Return a namespace as callers declare it."""
    return {
        "type": "namespace",
        "name": "crm",
        "description": "Customers.",
        "tools": [*tools],
    } | more


def test_functions_may_share_a_namespace() -> None:
    crm, erp = namespace(FUNCTION, OTHER), namespace(FUNCTION, name="erp")
    parameters = load(tools=[FUNCTION, crm, erp]).parameters
    assert parameters.tools == (
        FunctionTool("look_up"),
        NamespaceTool("crm", "Customers.", (FunctionTool("look_up"), FunctionTool("other"))),
        NamespaceTool("erp", "Customers.", (FunctionTool("look_up"),)),
    )
    names = [function.name for function in parameters.functions]
    assert names == ["look_up", "crm__look_up", "crm__other", "erp__look_up"]


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (namespace(), VALUE, "tools[0].tools"),
        ({"type": "namespace", "name": "crm"}, MISSING, "tools[0].tools"),
        (namespace(FUNCTION, name="a b"), VALUE, "tools[0].name"),
        (namespace(FUNCTION, FUNCTION), VALUE, "tools[0].tools[1].name"),
        (namespace(FUNCTION | {"name": 5}), TYPE, "tools[0].tools[0].name"),
        (namespace(COMPUTER), "unsupported_value", "tools[0].tools[0].type"),
        (namespace(namespace(FUNCTION)), VALUE, "tools[0].tools[0].type"),
    ],
)
def test_a_namespace_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, where: str) -> None:
    assert verdict(body(tools=[raw])) == (code, where)


def test_no_function_may_have_the_name_that_models_know_another_by() -> None:
    tools = [FUNCTION | {"name": "crm__look_up"}, namespace(FUNCTION)]
    assert verdict(body(tools=tools)) == (VALUE, "tools[1].name")


@pytest.mark.parametrize("choice", [NAMED, ALLOWED | {"tools": [NAMED]}])
def test_a_function_of_a_namespace_can_be_chosen_by_its_own_name(choice: Any) -> None:
    parameters = load(tools=[namespace(FUNCTION)], tool_choice=choice).parameters
    chosen = choice_in_known_forms(parameters.tool_choice, parameters.tools)
    assert chosen in (NamedFunction("crm__look_up"), AllowedTools("auto", ("crm__look_up",)))


def test_a_response_shows_namespaces_as_they_were_declared() -> None:
    declared = namespace(FUNCTION | {"description": None, "parameters": None, "strict": None})
    shown = echo(load(tools=[declared]))["tools"]
    assert shown == [declared]
    assert TOOL.load(shown[0]) == NamespaceTool("crm", "Customers.", (FunctionTool("look_up"),))
