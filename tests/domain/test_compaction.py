"""What a conversation is shortened to, and how a stream says so (G6, G7, G8)."""

from __future__ import annotations

from app.domain.items import (
    AdditionalTools,
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
)
from app.domain.response import Usage
from app.domain.stream.accumulate import fold
from app.domain.stream.deltas import Compacted, Finished, Text
from app.domain.stream.events import Event
from app.domain.stream.resume import resume
from app.domain.turns.compaction import Summary, last_step, messages_of, stays
from app.errors import UpstreamUnavailable
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar
from tests.domain.narrating import narrated, narrator

USER = Message("", "user", (InputText("Go."),))
SAID = Message("", "assistant", (OutputText("Well."),))
RULE = Message("", "developer", (InputText("Be brief."),))
CALL = FunctionCall("", "call_1", "look_up", "{}")
OUTPUT = FunctionCallOutput("", "call_1", "4")


def checked(events: list[Event]) -> list[str]:
    """Return the types of a stream's events, which has to be well-formed."""
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    assert grammar.ended
    return [event.type for event in events]


def test_a_compaction_is_an_item_with_an_event_of_its_own() -> None:
    events = narrated([Compacted("sealed"), Finished()])
    assert checked(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.compaction.compacting",
        "response.output_item.done",
        "response.completed",
    ]
    assert fold(events).output == (Compaction("cmp_0", "sealed"),)


def test_an_answer_goes_on_behind_it() -> None:
    events = narrated([Compacted("sealed"), Text("Hi"), Finished()])
    checked(events)
    assert [item.type for item in fold(events).output] == ["compaction", "message"]


def test_a_stream_that_broke_behind_it_is_ended_by_another_process() -> None:
    teller = narrator()
    before = teller.begin() + teller.hear([Compacted("sealed"), Text("Hi")])
    other = resume(narrator("queued").response, before, Usage(1, 2), lambda: 2)
    ending = other.fail(UpstreamUnavailable("gone"))
    checked(before + ending)
    assert [item.id for item in other.response.output] == ["cmp_0", "msg_1"]


def test_instructions_and_what_stands_for_earlier_parts_stay() -> None:
    items: list[Item] = [RULE, AdditionalTools("", ()), Compaction("", "x"), USER, SAID, CALL]
    assert [stays(item) for item in items] == [True, True, True, False, False, False]


def test_the_last_step_is_what_the_user_said_last() -> None:
    assert last_step([USER, SAID, USER, RULE, USER]) == 2


def test_the_last_step_is_the_last_outputs_and_what_led_to_them() -> None:
    items: list[Item] = [USER, CALL, OUTPUT, Reasoning(""), SAID, CALL, CALL, OUTPUT, OUTPUT]
    assert last_step(items) == 3


def test_tools_that_an_item_brings_are_no_step_of_their_own() -> None:
    tools = AdditionalTools("", ())
    assert last_step([USER, SAID, USER, tools]) == 2
    assert last_step([USER, SAID, tools, USER]) == 2
    assert last_step([USER, CALL, OUTPUT, tools]) == 1
    assert last_step([USER, SAID]) == 2


def test_a_model_sees_the_summary_as_words_of_the_user() -> None:
    (message,) = messages_of(Summary(" The city is Oslo.\n"), ())
    (part,) = message.content
    assert isinstance(part, InputText)
    assert message.role == "user"
    assert part.text.endswith("<summary>\nThe city is Oslo.\n</summary>")


def test_instructions_that_it_holds_are_said_again_unless_they_are_there() -> None:
    summary = Summary("Oslo.", ("Be brief.", "Be kind."))
    roles = [(each.role, each.content) for each in messages_of(summary, ("Be brief.",))]
    assert roles[0] == ("developer", (InputText("Be kind."),))
    assert [role for role, _ in roles] == ["developer", "user"]


def test_usage_adds_up_and_comes_apart_again() -> None:
    first, second = Usage(1, 2, 3, 4, 5, 6), Usage(10, 20, 30, 40, 50, 60)
    both = first.plus(second)
    assert both == Usage(11, 22, 33, 44, 55, 66)
    assert both.minus(first) == second
