"""A conversation goes on whatever a model has called in it, and however (S4, U12)."""

from __future__ import annotations

import pytest

from app.domain.hosted.item import HostedItem
from app.domain.items import FunctionCall, FunctionCallOutput, InputText, Item, Message
from app.settings import Api
from tests.contract.histories import Line, PurgingStore
from tests.upstream.script import Call, Script

APIS: tuple[Api, ...] = ("chat_completions", "anthropic_messages", "responses")
SAY = Message("", "user", (InputText("go on"),))
ANSWERED = Script(say="done")


@pytest.fixture(params=APIS)
def line(request: pytest.FixtureRequest) -> Line:
    return Line(request.param, stream=True, store=PurgingStore())


@pytest.mark.parametrize("name", ["n" * 65, "n" * 200, "functions.exec", "näme ☃", "a b"])
def test_a_name_that_no_tool_can_have_refuses_no_later_turn(line: Line, name: str) -> None:
    first = line.ask((SAY,), None, Script(calls=(Call(name=name),)))
    (call,) = first.output
    assert isinstance(call, FunctionCall)
    assert call.name == name  # as the model wrote it
    output = FunctionCallOutput("", call.call_id, "no such tool")
    second = line.ask((output,), first.id, ANSWERED)
    line.ask((SAY,), second.id, ANSWERED)
    assert line.pairs() == [("{}", "no such tool")]


def test_two_long_names_that_begin_alike_stay_two(line: Line) -> None:
    names = ("n" * 100 + "a", "n" * 100 + "b")
    first = line.ask((SAY,), None, Script(calls=tuple(Call(name=name) for name in names)))
    outputs = [
        FunctionCallOutput("", call.call_id, "none")
        for call in first.output
        if isinstance(call, FunctionCall)
    ]
    line.ask(tuple(outputs), first.id, ANSWERED)
    assert line.count("n" * 55 + "_") == 2
    assert line.count("n" * 56) == 0


def test_arguments_that_are_nested_too_deep_refuse_no_later_turn(line: Line) -> None:
    arguments = '{"a":' + "[" * 600 + "]" * 600 + "}"
    call = FunctionCall("", "call_1", "f", arguments)
    history: tuple[Item, ...] = (SAY, call, FunctionCallOutput("", "call_1", "no"))
    first = line.ask(history, None, ANSWERED)
    line.ask((SAY,), first.id, ANSWERED)


def test_what_another_server_did_parts_no_call_of_earlier_turns_from_its_output(
    line: Line,
) -> None:
    searched = HostedItem("", {"type": "web_search_call", "id": "ws_1", "status": "completed"})
    history = (SAY, FunctionCall("", "a", "f", "{}"), searched, FunctionCallOutput("", "a", "1"))
    first = line.ask(history, None, ANSWERED)
    line.ask((SAY,), first.id, ANSWERED)
    assert line.pairs() == [("{}", "1")]
