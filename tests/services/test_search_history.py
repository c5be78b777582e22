"""Searches among tools in a history, and the tools that they have found (G3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.items import Item
from app.domain.tools import CustomTool, FunctionTool, NamespaceTool
from app.errors import InvalidRequest
from tests.services.test_history import OneParent, answer, begun, request, seen, user

SEARCH = ToolSearchCall("tsc_1", "call_s", arguments='{"query": "mail"}')
NAMESPACE = NamespaceTool("crm", None, (FunctionTool("look_up"),))
FOUND = ToolSearchOutput("tso_1", "call_s", tools=(NAMESPACE, CustomTool("exec")))


def test_a_search_is_paired_with_what_it_has_found() -> None:
    store = OneParent(output=(SEARCH,))
    hm = user("Hm.", "msg_2")
    assert seen(store, hm, FOUND) == [hm, SEARCH, FOUND]
    sent_again = replace(SEARCH, id="", arguments='{"query":"mail"}')
    assert seen(store, sent_again, FOUND) == [SEARCH, FOUND]


@pytest.mark.parametrize("items", [(SEARCH,), (FOUND,), (SEARCH, user("Hi"))])
def test_a_half_of_a_search_is_refused(items: tuple[Item, ...]) -> None:
    with pytest.raises(InvalidRequest, match="call_s"):
        begun(OneParent(), request(*items, parent=None))


def test_a_search_is_given_ids_of_its_own_kind() -> None:
    items = (replace(SEARCH, id=""), replace(FOUND, id=""))
    thread = begun(OneParent(), request(*items, parent=None))
    assert [item.id.partition("_")[0] for item in thread.own] == ["tsc", "tso"]
    assert thread.own[1] == replace(FOUND, id=thread.own[1].id)


def test_the_tools_that_were_found_are_there_from_then_on() -> None:
    thread = begun(OneParent(before=(SEARCH, FOUND)), request(user("Hi")))
    assert thread.added == (NAMESPACE, CustomTool("exec"))


def test_of_a_tool_that_was_found_twice_the_newest_holds() -> None:
    changed = CustomTool("exec", "Runs now.")
    again = (
        replace(SEARCH, id="", call_id="call_t"),
        ToolSearchOutput("", "call_t", tools=(changed,)),
    )
    thread = begun(OneParent(before=(SEARCH, FOUND)), request(*again))
    assert thread.added == (NAMESPACE, changed)


def test_an_output_that_replaces_an_earlier_one_brings_the_tools() -> None:
    later = ToolSearchOutput("tso_2", "call_s", tools=(CustomTool("run"),))
    thread = begun(OneParent(), request(SEARCH, FOUND, later, parent=None))
    assert thread.items == (SEARCH, later)
    assert thread.added == (CustomTool("run"),)


def test_a_search_may_be_answered_as_a_function_is() -> None:
    plain = answer("call_s", "nothing", "fco_1")
    assert seen(OneParent(output=(SEARCH,)), plain) == [SEARCH, plain]
