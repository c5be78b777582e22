"""The calls of searches among tools that callers run (G3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.built_in.tool_search import ToolSearchCall
from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.call_names import CallNames
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished
from app.domain.stream.events import Event, ItemAdded, ItemDone, Lifecycle
from app.domain.stream.narrate import Narrator
from app.domain.stream.resume import resume
from app.domain.tools import FunctionTool, NamespaceTool, Tool, ToolSearchTool
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar

SEARCH = ToolSearchTool("Finds.")
CALL = ToolSearchCall("tsc", "call_1", arguments='{"query": "mail"}')
OPENED = CallOpened("0", "call_1", "tool_search")
PIECES: list[Delta] = [Arguments("0", '{"query"'), Arguments("0", ': "mail"}')]


def narrator(*tools: Tool) -> Narrator:
    response = Response("resp_1", "m", 1, {}, "in_progress")
    return Narrator(response, lambda prefix: prefix, lambda: 2, CallNames.of((), tools))


def events_of(teller: Narrator, *deltas: Delta) -> list[Event]:
    return [*teller.begin(), *teller.hear([*deltas, Finished()]), *teller.finish()]


def test_a_search_is_added_and_done_and_nothing_between() -> None:
    events = events_of(narrator(SEARCH), OPENED, *PIECES)
    items = [each for each in events if not isinstance(each, Lifecycle)]
    assert items == [
        ItemAdded(2, 0, replace(CALL, arguments="", status="in_progress")),
        ItemDone(3, 0, CALL),
    ]
    assert fold(events).output == (CALL,)
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    shown = [EVENT.dump(each)["item"]["arguments"] for each in items]
    assert shown == [{}, {"query": "mail"}]


def test_what_a_stream_keeps_of_a_search_is_read_again() -> None:
    events = events_of(narrator(SEARCH), OPENED, *PIECES)
    again = fold(EVENT.load(EVENT.dump(event)) for event in events).output
    assert again == (replace(CALL, arguments='{"query":"mail"}'),)


def test_a_search_that_the_upstream_shows_as_one_is_one_whatever_was_declared() -> None:
    teller = narrator(FunctionTool("tool_search"))
    events_of(teller, replace(OPENED, built_in="tool_search"), *PIECES)
    assert teller.response.output == (CALL,)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (FunctionTool("tool_search"), "tool_search"),
        (NamespaceTool("crm", None, (FunctionTool("tool_search"),)), "crm__tool_search"),
    ],
)
def test_a_function_that_is_called_so_stays_a_function(tool: Tool, name: str) -> None:
    teller = narrator(tool)
    events_of(teller, replace(OPENED, name=name), *PIECES)
    assert [item.type for item in teller.response.output] == ["function_call"]


def test_a_search_that_was_cut_short_can_be_ended_by_another_process() -> None:
    first = narrator(SEARCH)
    waiting = first.response
    events = [*first.begin(), *first.hear([OPENED])]
    second = resume(waiting, events, None, lambda: 2)
    assert second.cancel() == first.cancel()
    assert second.response.output == (replace(CALL, arguments="", status="incomplete"),)
