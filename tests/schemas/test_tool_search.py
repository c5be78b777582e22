"""Searches among tools, and tools that are to be found by them (G3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.hosted.item import HostedItem
from app.domain.tools import CustomTool, FunctionTool, NamespaceTool, ToolSearchTool, functions_of
from app.schemas.wire.echo import echo
from app.schemas.wire.items import ITEM
from app.schemas.wire.tools import TOOL
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

SEARCH = {"type": "tool_search"}
OWN: dict[str, Any] = SEARCH | {
    "execution": "client",
    "description": "Finds.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
PARAMETERS: dict[str, Any] = OWN["parameters"]
HI = {"role": "user", "content": "Hi"}
CUSTOM = {"type": "custom", "name": "exec"}


@pytest.mark.parametrize("more", [{}, {"execution": None}, {"execution": "server"}])
def test_a_search_that_the_server_is_to_run_is_left_out_and_named(more: dict[str, Any]) -> None:
    request = load(tools=[SEARCH | more, FUNCTION])
    assert [tool.name for tool in request.parameters.tools] == ["look_up"]
    assert request.ignored == ("tools[0]",)


def test_a_search_that_the_server_is_to_run_is_refused_where_it_is_alone() -> None:
    refused = fault(body(tools=[SEARCH]))
    assert (refused.code, refused.param) == ("unsupported_value", "tools[0].type")
    assert '"client"' in refused.message


def test_a_search_of_the_callers_own_is_a_function_to_models() -> None:
    request = load(tools=[OWN, FUNCTION])
    assert request.parameters.tools[0] == ToolSearchTool("Finds.", PARAMETERS)
    function = functions_of(request.parameters.tools)[0]
    assert function == FunctionTool("tool_search", "Finds.", PARAMETERS)
    assert echo(request)["tools"][0] == OWN
    assert TOOL.load(OWN) == request.parameters.tools[0]
    assert TOOL.validate(OWN) == {}


def test_a_search_of_which_nothing_more_is_declared_takes_paths() -> None:
    (function,) = functions_of(load(tools=[SEARCH | {"execution": "client"}]).parameters.tools)
    assert function.description
    assert (function.parameters or {})["required"] == ["paths"]


@pytest.mark.parametrize(
    ("tools", "where"),
    [
        ([OWN, OWN], "tools[1].type"),
        ([FUNCTION | {"name": "tool_search"}, OWN], "tools[1].type"),
        ([OWN | {"execution": "both"}], "tools[0].execution"),
        ([OWN | {"parameters": []}], "tools[0].parameters"),
        ([{"type": "namespace", "name": "n", "tools": [OWN]}], "tools[0].tools[0].type"),
    ],
)
def test_a_search_that_cannot_be_declared_is_refused_by_its_path(
    tools: list[Any], where: str
) -> None:
    assert fault(body(tools=tools)).param == where


def call(arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_search_call", "call_id": "call_1", "arguments": arguments} | more


def found(*tools: Any, **more: Any) -> dict[str, Any]:
    output = {"type": "tool_search_output", "call_id": "call_1", "execution": "client"}
    return output | {"tools": [*tools]} | more


def test_a_search_and_what_it_has_found_are_items_of_the_input() -> None:
    namespace = {"type": "namespace", "name": "crm", "tools": [FUNCTION]}
    request = load(tools=[OWN], input=[HI, call({"query": "a"}), found(CUSTOM, namespace)])
    _, searched, output = request.input
    assert searched == ToolSearchCall("", "call_1", "tool_search", '{"query":"a"}')
    assert isinstance(output, ToolSearchOutput)
    assert [tool.name for tool in output.tools] == ["exec", "crm"]
    assert output.content == "These tools can be called now: exec, crm__look_up."


@pytest.mark.parametrize(
    ("execution", "call_id", "is_elsewhere"),
    [
        ("client", "call_1", False),
        (None, "call_1", False),
        ("server", "call_1", True),
        ("server", None, True),
        (None, None, True),
    ],
)
def test_a_search_that_names_no_caller_is_a_servers_where_it_has_no_call_id(
    execution: str | None, call_id: str | None, is_elsewhere: bool
) -> None:
    who = {"execution": execution, "call_id": call_id}
    items = load(input=[call({}, **who), found(**who)]).input
    assert [isinstance(item, HostedItem) for item in items] == [is_elsewhere] * 2


def test_what_a_server_has_found_is_kept_without_secrets() -> None:
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example"}
    secrets = {"server_url": "https://crm.example/token", "authorization": "x", "headers": {"a": 1}}
    own = FUNCTION | {"parameters": {"properties": {"headers": {}, "authorization": {}}}}
    inside = {"type": "namespace", "name": "crm", "tools": [own, server | secrets]}
    item = {"type": "tool_search_output", "execution": "server"}
    read = load(input=[item | {"tools": [own, server | secrets, inside, 5]}]).input[0]
    kept = [own, server, inside | {"tools": [own, server]}, 5]
    assert isinstance(read, HostedItem)
    assert read.json == item | {"tools": kept}


def test_a_search_that_has_found_nothing_tells_the_model_so() -> None:
    (output,) = load(input=[found()]).input
    assert isinstance(output, ToolSearchOutput)
    assert output.content == "No tool was found."


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("", {}),
        ('{"query": "a"}', {"query": "a"}),
        ("mail", "mail"),
        ("[1]", "[1]"),
        ('{"query": ', '{"query": '),
        ('{"a":' * 101 + "1" + "}" * 101, '{"a":' * 101 + "1" + "}" * 101),
    ],
)
def test_the_arguments_of_a_search_are_shown_as_an_object_where_they_are_one(
    arguments: str, shown: Any
) -> None:
    item = ITEM.dump(ToolSearchCall("tsc_1", "call_1", arguments=arguments))
    assert (item["arguments"], item["execution"]) == (shown, "client")
    assert ITEM.validate(item) == {}
    assert ITEM.dump(ITEM.load(item)) == item
    (sent_back,) = load(input=[item]).input
    assert sent_back == ITEM.load(item)


def test_what_a_search_has_found_is_stored_and_listed_as_it_came() -> None:
    item = ToolSearchOutput(
        "tso_1", "call_1", tools=(NamespaceTool("crm", "C.", (CustomTool("a"),)),)
    )
    shown = ITEM.dump(item)
    assert ITEM.load(shown) == item
    assert ITEM.validate(shown) == {}
    assert load(input=[shown]).input[0] == item


@pytest.mark.parametrize(
    ("item", "where"),
    [
        (call(["a"]), "input[0].arguments"),
        (call({}, call_id=""), "input[0].call_id"),
        (found(CUSTOM, CUSTOM), "input[0].tools[1].name"),
        (found(FUNCTION | {"name": "exec"}), "input[0].tools[0].name"),
        (found({"type": "custom", "name": "a b"}), "input[0].tools[0].name"),
        (found(None), "input[0].tools[0]"),
    ],
)
def test_what_is_wrong_with_a_search_is_refused_by_its_path(item: Any, where: str) -> None:
    assert fault(body(tools=[CUSTOM], input=[item])).param == where


def test_one_name_may_not_mean_two_tools_that_were_found() -> None:
    namespace = {"type": "namespace", "name": "crm", "tools": [FUNCTION]}
    plain = FUNCTION | {"name": "crm__look_up"}
    items = [found(namespace), found(plain, call_id="call_2")]
    assert fault(body(input=items)).param == "input[1].tools[0].name"


def test_a_tool_may_be_found_again_after_it_has_changed() -> None:
    changed = CUSTOM | {"description": "Runs now."}
    request = load(tools=[CUSTOM], input=[found(CUSTOM), found(changed, call_id="call_2")])
    assert len(request.input) == 2


def test_a_choice_may_name_what_a_search_has_found() -> None:
    choice = {"type": "custom", "name": "exec"}
    assert load(input=[found(CUSTOM)], tool_choice=choice).parameters.tool_choice != "auto"


def test_no_choice_names_a_search_as_a_function() -> None:
    choice = {"type": "function", "name": "tool_search"}
    refused = verdict(body(tools=[OWN], tool_choice=choice))
    assert refused == ("invalid_value", "tool_choice")


@pytest.mark.parametrize("deferred", [True, False])
def test_a_deferred_tool_is_there_from_the_start_and_shown_as_given(deferred: bool) -> None:
    more = {"defer_loading": deferred}
    inside = {"type": "namespace", "name": "crm", "tools": [FUNCTION | more]}
    request = load(tools=[FUNCTION | more, CUSTOM | more, inside, SEARCH])
    shown = echo(request)["tools"]
    assert [each["defer_loading"] for each in (*shown[:2], *shown[2]["tools"])] == [deferred] * 3
    assert tuple(map(TOOL.load, shown)) == request.parameters.tools
    names = [function.name for function in functions_of(request.parameters.tools)]
    assert names == ["look_up", "exec", "crm__look_up"]


@pytest.mark.parametrize("tool", [FunctionTool("look_up"), CustomTool("exec")])
def test_a_tool_of_which_nothing_was_said_shows_nothing(tool: Any) -> None:
    assert "defer_loading" not in TOOL.dump(tool)
