"""Deferred tools: what providers are sent of them, and of searches that a server has run (G3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.hosted.item import HostedItem
from app.domain.items import CustomCall, FunctionCall, FunctionCallOutput, Item
from app.domain.request import Parameters
from app.domain.stream.deltas import Arguments, Batch, CallOpened, Text, close_batches
from app.domain.tools import (
    CustomTool,
    FunctionTool,
    HostedTool,
    NamespaceTool,
    Tool,
    ToolSearchTool,
    known_as,
    qualified,
)
from app.domain.tools.deferred import deferred_names, found_names
from app.services.answering.prepared.tool_searches import Searching
from app.services.answering.tool_forms import for_provider
from tests.services.test_history import OneParent, begun, request, user

#: What OpenAI's profile knows; one that lets it search itself, too.
KNOWN = frozenset({"namespace", "custom", "tool_search", "additional_tools"})
SEARCHING = KNOWN | {known_as("tool_search")}
RARE, NOTE = FunctionTool("rare", defer_loading=True), CustomTool("note", defer_loading=True)
USUAL, CRM = FunctionTool("usual"), NamespaceTool("crm", "C.", (FunctionTool("crm"),))
SEARCH = HostedTool({"type": "tool_search"})
HI, CALL = user("Hi", "msg_1"), FunctionCall("fc_1", "c1", "rare", "{}", namespace="rare")
OUTPUT = FunctionCallOutput("fco_1", "c1", "4")
OWN_NAMESPACE = FunctionCall("fc_2", "c2", "crm", "{}", namespace="crm")


def hosted(kind: str, **more: Any) -> HostedItem:
    return HostedItem("tsc_1", {"id": "tsc_1", "type": kind, "execution": "server"} | more)


SEARCHED = hosted("tool_search_call"), hosted("tool_search_output", tools=[{"name": "rare"}])
TURN = (HI, *SEARCHED, CALL, OUTPUT)


def sent(
    tools: tuple[Tool, ...], items: tuple[Item, ...], known: frozenset[str]
) -> tuple[tuple[Tool, ...], tuple[Item, ...]]:
    thread = begun(OneParent(), request(HI, parent=None))
    parameters, kept = for_provider(Parameters(tools=tools), items, thread, known)
    return parameters.tools, kept


@pytest.mark.parametrize("known", [frozenset[str](), KNOWN])
@pytest.mark.parametrize("tools", [(RARE,), (USUAL, RARE), (RARE, SEARCH)])
def test_a_provider_that_does_not_search_is_sent_neither_deferred_tools_nor_searches(
    tools: tuple[Tool, ...], known: frozenset[str]
) -> None:
    """OpenAI refuses a deferred tool without a search beside it."""
    declared, kept = sent(tools, TURN, known)
    plain = replace(RARE, defer_loading=None)
    assert declared == tuple(plain if tool == RARE else tool for tool in tools if tool != SEARCH)
    assert kept == (HI, replace(CALL, namespace=None), OUTPUT)


@pytest.mark.parametrize("kind", [FunctionCall, CustomCall])
def test_a_call_may_come_back_without_its_search(kind: type[FunctionCall]) -> None:
    call = kind("fc_1", "c1", "rare", "{}", namespace="rare")
    assert sent((USUAL,), (HI, call), KNOWN) == ((USUAL,), (HI, replace(call, namespace=None)))


def test_a_provider_that_searches_is_sent_everything() -> None:
    assert sent((RARE, SEARCH), TURN, SEARCHING) == ((RARE, SEARCH), TURN)
    assert sent((), TURN, SEARCHING) == ((), TURN)


def test_a_namespace_that_is_declared_stays_with_its_call() -> None:
    items = (HI, OWN_NAMESPACE, replace(OUTPUT, call_id="c2"))
    assert sent((CRM,), items, KNOWN) == ((CRM,), items)
    assert qualified("crm", "crm") == CRM.members[0].name == "crm"


def test_the_server_is_to_search_for_what_is_deferred_outside_a_namespace() -> None:
    inside = NamespaceTool("n", None, (RARE,))
    assert deferred_names((USUAL, RARE, NOTE, inside, SEARCH)) == {"rare", "note"}
    assert deferred_names((USUAL, inside)) == frozenset()


def test_a_search_that_the_caller_runs_finds_them_instead() -> None:
    assert deferred_names((RARE, ToolSearchTool())) == frozenset()
    assert deferred_names((RARE,), (ToolSearchTool(),)) == frozenset()


def test_what_was_found_is_read_however_it_was_written() -> None:
    odd = [hosted("tool_search_output", tools=given) for given in (None, "x", [1, {}, {"name": 1}])]
    assert found_names((*SEARCHED, *odd, HI)) == {"rare"}


def test_a_call_that_a_provider_has_searched_for_comes_as_it_is() -> None:
    call: Batch = [Text("Hm."), CallOpened("0", "c1", "rare", "rare"), Arguments("0", "{}")]
    batches: list[Batch] = [(), call]
    assert list(Searching(iter(batches), {"rare": {"name": "rare"}})) == batches


def test_the_batches_are_closed_with_their_searches() -> None:
    def endless() -> Iterator[Batch]:
        try:
            while True:
                yield ()
        finally:
            closed.append(True)

    closed: list[bool] = []
    searching = Searching(endless(), {})
    assert next(searching) == ()
    close_batches(searching)
    assert closed == [True]
