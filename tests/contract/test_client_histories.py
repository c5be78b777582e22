"""Histories as clients send them, on a server whose calls all have one id (S4, S9)."""

from __future__ import annotations

import orjson
import pytest

from app.domain.items import FunctionCall, FunctionCallOutput, InputText, Item, Message, OutputText
from app.domain.turns.page import PageQuery
from app.errors import InvalidRequest
from app.settings import Api
from tests.contract.histories import ACCOUNT, Line, PurgingStore
from tests.upstream.script import Call, Script

APIS: tuple[Api, ...] = ("chat_completions", "anthropic_messages", "responses")


def _output(call: FunctionCall) -> FunctionCallOutput:
    return FunctionCallOutput("", call.call_id, str(orjson.loads(call.arguments)["n"]))


def _call(number: int, call_id: str = "call_0") -> FunctionCall:
    return FunctionCall("", call_id, "f", f'{{"n":{number}}}')


def _say(text: str) -> Message:
    return Message("", "user", (InputText(text),))


def _answer(text: str) -> Message:
    return Message("", "assistant", (OutputText(text),))


def _calling(number: int, say: str | None = None) -> Script:
    return Script(say=say, calls=(Call(name="f", id="call_0", arguments=f'{{"n":{number}}}'),))


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=APIS)
def line(request: pytest.FixtureRequest, stream: bool) -> Line:
    return Line(request.param, stream, PurgingStore())


def _numbers(line: Line) -> list[tuple[int, str]]:
    return [(orjson.loads(call)["n"], output) for call, output in line.pairs()]


def test_a_client_may_send_its_whole_history_beside_the_parent(line: Line) -> None:
    """Strands' stateful model does, with each tool loop's call again in front of its output."""
    history: list[Item] = [_say("one")]
    first = line.ask(tuple(history), None, _calling(1))
    history += [_call(1), _output(_call(1))]
    second = line.ask(tuple(history), first.id, Script(say="eins"))
    assert _numbers(line) == [(1, "1")]
    history += [_answer("eins"), _say("two")]
    third = line.ask(tuple(history), second.id, _calling(2))
    history += [_call(2), _output(_call(2))]
    fourth = line.ask(tuple(history), third.id, Script(say="zwei"))
    assert _numbers(line) == [(1, "1"), (1, "1"), (1, "1"), (2, "2")]
    line.ask((_say("three"),), fourth.id, Script(say="drei"))
    assert _numbers(line) == [(1, "1"), (1, "1"), (1, "1"), (2, "2")]


def test_a_client_may_send_its_question_and_the_text_again_before_the_output(line: Line) -> None:
    """Semantic Kernel does, without the call."""
    first = line.ask((_say("<q>"),), None, _calling(1, say="<t>"))
    again = (_say("<q>"), _answer("<t>"), _output(_call(1)))
    second = line.ask(again, first.id, _calling(2))
    assert (_numbers(line), line.count("<q>"), line.count("<t>")) == ([(1, "1")], 2, 2)
    line.ask((_say("<r>"), _output(_call(2))), second.id, Script(say="ok"))
    assert _numbers(line) == [(1, "1"), (2, "2")]


def test_a_call_that_is_sent_again_is_listed_once(line: Line) -> None:
    first = line.ask((_say("one"),), None, _calling(1))
    second = line.ask((_say("one"), _call(1), _output(_call(1))), first.id, Script(say="ok"))
    listed = line.store.input_items(ACCOUNT, second.id, PageQuery(order="asc", limit=100)).items
    kinds = [item.type for item in listed]
    assert kinds == ["message", "function_call", "message", "function_call_output"]


def test_a_fork_answers_the_call_anew(line: Line) -> None:
    first = line.ask((_say("one"),), None, _calling(1))
    for output in ("left", "right"):
        line.ask((FunctionCallOutput("", "call_0", output),), first.id, Script(say="ok"))
        assert _numbers(line) == [(1, output)]


def test_a_call_that_a_repeated_id_hides_is_not_forgotten(line: Line) -> None:
    first = line.ask((_say("one"),), None, _calling(1))
    second = line.ask((_output(_call(1)),), first.id, _calling(2))
    with pytest.raises(InvalidRequest, match="No tool output found for function call call_0"):
        line.ask((_say("never mind"),), second.id, Script(say="ok"))


def test_who_sends_the_whole_history_gets_calls_of_one_id_each(line: Line) -> None:
    """openai-agents keeps but the last of the calls, and of the outputs, with one id."""
    history: list[Item] = [_say("one")]
    ids = []
    for number in (1, 2, 3):
        called = line.ask(tuple(history), None, _calling(number))
        (call,) = (item for item in called.output if isinstance(item, FunctionCall))
        history += [call, _output(call)]
        ids.append(call.call_id)
    line.ask(tuple(history), None, Script(say="ok"))
    assert len(set(ids)) == 3
    assert _numbers(line) == [(1, "1"), (2, "2"), (3, "3")]


def test_a_call_may_be_answered_by_the_upstreams_own_id_though_it_has_another(line: Line) -> None:
    history = (_say("one"), _call(1), _output(_call(1)))
    called = line.ask(history, None, _calling(2))
    line.ask((_output(_call(2)),), called.id, Script(say="ok"))
    assert _numbers(line) == [(1, "1"), (2, "2")]
