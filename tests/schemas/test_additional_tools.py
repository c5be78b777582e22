"""Tools that items of the input bring, and the choice among them (G3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import AdditionalTools
from app.domain.tools import CustomTool, FunctionTool, NamespaceTool
from app.errors import InvalidRequest
from app.schemas.field import ReadContext
from app.schemas.request.conversations import ADD_ITEMS
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.items import ITEM
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

VALUE = "invalid_value"
HI = {"role": "user", "content": "Hi"}
CUSTOM = {"type": "custom", "name": "exec"}
NAMESPACE = {"type": "namespace", "name": "functions", "tools": [CUSTOM]}
PARENT = "resp_" + "0" * 48


def bringing(*tools: Any, **more: Any) -> dict[str, Any]:
    """Return an item as Codex sends it."""
    return {"type": "additional_tools", "role": "developer", "tools": [*tools]} | more


def test_an_item_brings_tools_of_every_kind() -> None:
    request = load(input=[bringing(FUNCTION, CUSTOM, NAMESPACE, id="at_1"), HI])
    exec_ = CustomTool("exec")
    item = request.input[0]
    assert isinstance(item, AdditionalTools)
    assert item.id == "at_1"
    assert [tool.name for tool in item.tools] == ["look_up", "exec", "functions"]
    assert item.tools[1:] == (exec_, NamespaceTool("functions", None, (exec_,)))
    assert request.parameters.tools == ()


def test_an_item_is_stored_and_listed_as_it_came() -> None:
    item = AdditionalTools("at_1", (CustomTool("exec"), FunctionTool("look_up")))
    shown = ITEM.dump(item)
    assert shown["role"] == "developer"
    assert [tool["type"] for tool in shown["tools"]] == ["custom", "function"]
    assert ITEM.load(shown) == item
    assert load(input=[shown, HI]).input[0] == item
    assert ITEM.validate(shown) == {}


def test_a_search_of_the_web_among_them_is_left_out_and_named() -> None:
    request = load(input=[bringing({"type": "web_search"}, CUSTOM), HI])
    assert request.input[0] == AdditionalTools("", (CustomTool("exec"),))
    assert request.ignored == ("input[0].tools[0]",)


SEARCHES: list[Any] = [{"type": "web_search"}, {"type": "tool_search"}]


@pytest.mark.parametrize("search", SEARCHES)
def test_a_search_is_left_out_where_an_item_brings_another_tool(search: Any) -> None:
    request = load(tools=[search], input=[bringing(CUSTOM), HI], tool_choice="required")
    assert (request.parameters.tools, request.ignored) == ((), ("tools[0]",))
    turned = load(tools=[FUNCTION], input=[bringing(search), HI])
    assert (turned.ignored, turned.only_searches) == (("input[0].tools[0]",), None)


@pytest.mark.parametrize("search", SEARCHES)
def test_searches_alone_are_refused_wherever_they_stand(search: Any) -> None:
    refused = "unsupported_value"
    assert verdict(body(tools=[search], input=[bringing(), HI])) == (refused, "tools[0].type")
    brought = body(input=[HI, bringing(search), bringing()])
    assert verdict(brought) == (refused, "input[1].tools[0].type")
    assert load(tools=[search], previous_response_id=PARENT).only_searches is not None
    with pytest.raises(InvalidRequest) as caught:
        ADD_ITEMS.load({"items": [bringing(search)]})
    assert caught.value.param == "items[0].tools[0].type"


@pytest.mark.parametrize(
    ("item", "where"),
    [
        (bringing(CUSTOM, CUSTOM), "input[0].tools[1].name"),
        (bringing({"type": "web_search"}, CUSTOM | {"description": "d"}), "input[0].tools[1].name"),
        (bringing(FUNCTION | {"name": "exec"}), "input[0].tools[0].name"),
        (bringing(role="user"), "input[0].role"),
        (bringing(CUSTOM | {"name": "a b"}), "input[0].tools[0].name"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(item: Any, where: str) -> None:
    assert verdict(body(tools=[CUSTOM], input=[item, HI])) == (VALUE, where)


def test_two_items_may_not_bring_different_tools_of_one_name() -> None:
    second = bringing(CUSTOM | {"description": "Runs."})
    assert fault(body(input=[bringing(CUSTOM), second, HI])).param == "input[1].tools[0].name"


def test_the_same_tool_may_come_again() -> None:
    request = load(tools=[CUSTOM], input=[bringing(CUSTOM, NAMESPACE), HI, bringing(NAMESPACE)])
    assert len(request.input) == 3


CHOICES: list[Any] = [
    "required",
    {"type": "custom", "name": "exec"},
    {"type": "allowed_tools", "tools": [{"type": "custom", "name": "exec"}]},
]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_may_name_what_an_item_brings(choice: Any) -> None:
    request = load(input=[bringing(NAMESPACE), HI], tool_choice=choice)
    declared = load(tools=[NAMESPACE], tool_choice=choice)
    assert request.parameters.tool_choice == declared.parameters.tool_choice


@pytest.mark.parametrize("choice", CHOICES)
def test_a_request_that_continues_may_name_what_earlier_items_brought(choice: Any) -> None:
    request = load(previous_response_id=PARENT, tool_choice=choice)
    assert request.parameters.tool_choice not in ("auto", "none")


def test_a_choice_of_a_dropped_tool_falls_with_it_where_another_is_continued() -> None:
    shell = {"type": "computer", "name": "run"}
    request = CREATE_REQUEST.load(
        body(
            tools=[shell],
            previous_response_id=PARENT,
            tool_choice={"type": "function", "name": "run"},
        ),
        context=ReadContext(drops_unsupported=True),
    )
    assert request.parameters.tool_choice == "auto"
