"""Searches among tools, and tools that are to be found by them (G3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.tools import CustomTool, FunctionTool, functions_of
from app.schemas.wire.echo import echo
from app.schemas.wire.tools import TOOL
from tests.schemas.requests import FUNCTION, body, load, verdict

SEARCH = {"type": "tool_search"}
CUSTOM = {"type": "custom", "name": "exec"}


@pytest.mark.parametrize("more", [{}, {"execution": None}, {"execution": "server"}])
def test_a_search_that_the_server_is_to_run_is_left_out_and_named(more: dict[str, Any]) -> None:
    request = load(tools=[SEARCH | more, FUNCTION])
    assert [tool.name for tool in request.parameters.tools] == ["look_up"]
    assert request.ignored == ("tools[0]",)


@pytest.mark.parametrize("tools", [[SEARCH], [FUNCTION, SEARCH | {"execution": "client"}]])
def test_a_search_alone_or_of_the_callers_own_is_refused(tools: list[Any]) -> None:
    at = f"tools[{len(tools) - 1}].type"
    assert verdict(body(tools=tools)) == ("unsupported_value", at)


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
