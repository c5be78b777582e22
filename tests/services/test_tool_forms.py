"""What becomes of the tools that items bring, at a provider that knows such items (G3)."""

from __future__ import annotations

from dataclasses import replace

from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.items import AdditionalTools, Item
from app.domain.request import Parameters
from app.domain.tools import CustomTool, FunctionTool, NamespaceTool, Tool, ToolSearchTool
from app.services.answering.tool_forms import for_provider
from tests.services.test_history import OneParent, begun, request, user

KNOWN = frozenset({"namespace", "custom", "tool_search", "additional_tools"})
LOOK_UP = FunctionTool("look_up", defer_loading=True)
CHANGE, EXEC = FunctionTool("change"), CustomTool("exec")
SEARCH = ToolSearchCall("tsc_1", "call_s", arguments="{}")
FOUND = ToolSearchOutput("tso_1", "call_s", tools=(NamespaceTool("crm", "C.", (LOOK_UP, CHANGE)),))
BROUGHT = AdditionalTools("at_1", (EXEC,))
HI = user("Hi", "msg_1")
GIVEN = Parameters(tools=(ToolSearchTool(), NamespaceTool("crm", "C.", (FunctionTool("own"),))))


def sent(*items: Item, of: tuple[Item, ...]) -> tuple[tuple[Tool, ...], tuple[Item, ...]]:
    """Return the tools and the items for a provider, when these items are left of a thread."""
    thread = begun(OneParent(), request(*of, parent=None))
    parameters, kept = for_provider(GIVEN, items, thread, KNOWN)
    return parameters.tools, kept


def test_tools_stand_where_items_bring_them() -> None:
    items = (HI, BROUGHT, SEARCH, FOUND)
    assert sent(*items, of=items) == (GIVEN.tools, items)


def test_tools_of_items_that_are_gone_are_declared_and_no_longer_left_to_a_search() -> None:
    tools, kept = sent(HI, BROUGHT, of=(HI, BROUGHT, SEARCH, FOUND))
    look_up = replace(LOOK_UP, defer_loading=None)
    crm = NamespaceTool("crm", "C.", (FunctionTool("own"), look_up, CHANGE))
    assert (tools, kept) == ((ToolSearchTool(), crm), (HI, BROUGHT))


def test_a_tool_that_is_still_brought_is_not_declared_again() -> None:
    later = ToolSearchOutput("tso_2", "call_t", tools=FOUND.tools)
    again = (replace(SEARCH, id="tsc_2", call_id="call_t"), later)
    assert sent(HI, *again, of=(HI, SEARCH, FOUND, *again)) == (GIVEN.tools, (HI, *again))
