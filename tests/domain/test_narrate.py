"""The narrator: whatever a provider says, the stream is legal and tells what was said."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.items import (
    FunctionCall,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
    output_text,
)
from app.domain.response import Usage
from app.domain.stream.accumulate import fold
from app.domain.stream.deltas import (
    Arguments,
    CallOpened,
    Delta,
    Finished,
    ItemEnded,
    MessageOpened,
    Opaque,
    PartEnded,
    Refused,
    Text,
    Thought,
    Used,
)
from app.domain.stream.item_builders import MOST_CHUNKS
from app.errors import UpstreamMisbehaved, UpstreamRateLimited
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar
from tests.domain.narrating import narrated, narrator
from tests.domain.strategies import deltas, endings


@given(st.lists(deltas, max_size=25), endings)
def test_any_deltas_make_a_legal_stream_that_folds_to_the_response(
    said: list[Delta], ending: Finished | None
) -> None:
    teller = narrator()
    events = narrated([*said, *([ending] if ending else [])], teller)
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    assert grammar.ended
    assert fold(events) == teller.response


@given(st.lists(deltas, max_size=25), endings)
def test_what_is_told_to_nobody_makes_the_same_response(
    said: list[Delta], ending: Finished | None
) -> None:
    whole = [*said, *([ending] if ending else [])]
    heard, unheard = narrator(), narrator()
    narrated(whole, heard)
    unheard.discard_events()
    assert narrated(whole, unheard) == []
    assert unheard.response == heard.response


@given(st.lists(deltas, max_size=10))
def test_a_cancelled_stream_is_legal_and_keeps_what_was_said(said: list[Delta]) -> None:
    teller = narrator()
    events = teller.begin()
    with suppress(UpstreamMisbehaved):
        events += teller.hear(said)
    events += teller.cancel()
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    assert fold(events) == teller.response
    assert (teller.response.status, teller.response.error) == ("cancelled", None)


STOP = Finished()


def output(*said: Delta) -> tuple[Item, ...]:
    return fold(narrated([*said, Finished()])).output


def calls(*said: Delta, ending: Finished = STOP) -> list[tuple[str, str, str]]:
    items = fold(narrated([*said, ending])).output
    return [(i.name, i.arguments, i.status) for i in items if isinstance(i, FunctionCall)]


def test_text_becomes_one_message() -> None:
    assert output(Text("He"), Text("llo")) == (
        Message("msg_0", "assistant", (OutputText("Hello"),)),
    )


def test_empty_text_opens_nothing() -> None:
    assert output(Text("")) == ()


def test_a_part_that_ended_is_followed_by_another_of_the_same_message() -> None:
    assert output(Text("a"), PartEnded(), Text("b")) == (
        Message("msg_0", "assistant", (OutputText("a"), OutputText("b"))),
    )


def test_a_refusal_follows_text_in_the_same_message() -> None:
    assert output(Text("a"), Refused("no")) == (
        Message("msg_0", "assistant", (OutputText("a"), Refusal("no"))),
    )


def test_a_phase_is_kept() -> None:
    assert output(MessageOpened("final_answer"), Text("a")) == (
        Message("msg_0", "assistant", (OutputText("a"),), phase="final_answer"),
    )


def test_an_opaque_payload_closes_the_reasoning_that_it_belongs_to() -> None:
    assert output(Thought("hm"), Opaque("x"), Thought("well")) == (
        Reasoning("rs_0", ("hm",), encrypted_content="x"),
        Reasoning("rs_1", ("well",)),
    )


def test_an_opaque_payload_alone_is_an_item_of_its_own() -> None:
    assert output(Opaque("x")) == (Reasoning("rs_0", encrypted_content="x"),)


def test_interleaved_calls_are_told_one_after_the_other() -> None:
    assert calls(
        CallOpened("0", "a", "f"),
        CallOpened("1", "b", "g"),
        Arguments("0", '{"a"'),
        Arguments("1", "{"),
        Arguments("0", ":1}"),
        Arguments("1", "}"),
    ) == [("f", '{"a":1}', "completed"), ("g", "{}", "completed")]


def test_calls_that_stay_interleaved_to_the_end_are_told_whole() -> None:
    assert calls(
        CallOpened("0", "a", "f"),
        CallOpened("1", "b", "g"),
        Arguments("1", '{"b"'),
        Arguments("0", ""),
        Arguments("1", ":2}"),
    ) == [("f", "{}", "completed"), ("g", '{"b":2}', "completed")]


def test_text_between_the_fragments_of_a_call_waits_for_its_end() -> None:
    said: list[Delta] = [CallOpened("0", "a", "f"), Text("so"), Arguments("0", "{}"), Text(" on")]
    assert [type(item) for item in output(*said)] == [FunctionCall, Message]


def test_what_waited_for_a_call_is_told_once_it_ends_however_broken_its_arguments() -> None:
    assert calls(
        CallOpened("0", "a", "f"),
        CallOpened("1", "b", "g"),
        Arguments("0", "{oops"),
        Arguments("1", "{}"),
        ItemEnded(),
    ) == [("f", "{oops", "completed"), ("g", "{}", "completed")]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert calls(CallOpened("0", "a", "f")) == [("f", "{}", "completed")]


def test_a_call_that_the_token_limit_cut_is_incomplete() -> None:
    said: list[Delta] = [CallOpened("0", "a", "f"), Arguments("0", '{"a')]
    assert calls(*said, ending=Finished("length")) == [("f", '{"a', "incomplete")]


def test_a_call_that_was_whole_before_the_cut_stays_complete() -> None:
    said: list[Delta] = [CallOpened("0", "a", "f"), Arguments("0", "{}"), CallOpened("1", "b", "g")]
    assert calls(*said, ending=Finished("length")) == [
        ("f", "{}", "completed"),
        ("g", "", "incomplete"),
    ]


def test_a_call_without_an_id_gets_one() -> None:
    (call,) = output(CallOpened("0", None, "f"))
    assert isinstance(call, FunctionCall)
    assert call.call_id.startswith("call_")


def test_a_call_id_that_is_too_long_is_mapped_by_hash() -> None:
    first, second = output(
        CallOpened("0", "x" * 65, "f"), ItemEnded(), CallOpened("1", "x" * 66, "f")
    )
    assert isinstance(first, FunctionCall)
    assert isinstance(second, FunctionCall)
    assert len(first.call_id) <= 64
    assert first.call_id != second.call_id


def test_the_latest_usage_replaces_the_earlier() -> None:
    assert fold(narrated([Used(Usage(1, 1)), Used(Usage(2, 3)), Finished()])).usage == Usage(2, 3)


def test_usage_after_the_finish_is_heard() -> None:
    assert fold(narrated([Finished(), Used(Usage(2, 3))])).usage == Usage(2, 3)


def test_completion_says_when_and_with_which_tier() -> None:
    response = fold(narrated([Finished(service_tier="flex")]))
    assert (response.completed_at, response.service_tier) == (2, "flex")


@pytest.mark.parametrize(
    ("ending", "reason"),
    [(Finished("length"), "max_output_tokens"), (Finished("content_filter"), "content_filter")],
)
def test_a_cut_answer_is_incomplete(ending: Finished, reason: str) -> None:
    response = fold(narrated([Text("a"), ending]))
    assert (response.status, response.incomplete_reason) == ("incomplete", reason)
    assert response.completed_at is None
    assert [item.status for item in response.output if isinstance(item, Message)] == ["incomplete"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([Text("a")], id="no ending"),
        pytest.param([Arguments("0", "{}"), Finished()], id="arguments for no call"),
        pytest.param([Finished(), Text("a")], id="text after the end"),
        pytest.param(
            [CallOpened("0", "a", "f"), ItemEnded(), CallOpened("0", "a", "f"), Finished()],
            id="one call opened twice",
        ),
    ],
)
def test_what_contradicts_itself_ends_as_failed(said: list[Delta]) -> None:
    assert fold(narrated(said)).status == "failed"


def test_a_failure_closes_what_is_open_and_keeps_it() -> None:
    teller = narrator()
    events = [*teller.begin(), *teller.hear([Text("a")])]
    events += teller.fail(UpstreamRateLimited("slow down"))
    response = fold(events)
    assert response.output == (Message("msg_0", "assistant", (OutputText("a"),), "incomplete"),)
    assert response.error is not None
    assert response.error.code == "rate_limit_exceeded"


@pytest.mark.parametrize("ends", ["failed", "cancelled"])
def test_what_waits_for_a_call_that_is_never_whole_is_kept(ends: str) -> None:
    teller = narrator()
    said: list[Delta] = [
        *(CallOpened("0", "a", "f"), CallOpened("1", "b", "g"), Arguments("1", '{"b":2}')),
        *(Text("so"), CallOpened("2", "c", "h"), Arguments("2", '{"c')),
    ]
    events = [*teller.begin(), *teller.hear(said)]
    gone = UpstreamRateLimited("slow down")
    events += teller.fail(gone) if ends == "failed" else teller.cancel()
    response = fold(events)
    assert [(item.type, getattr(item, "status", None)) for item in response.output] == [
        *(("function_call", "incomplete"), ("function_call", "completed")),
        *(("message", "completed"), ("function_call", "incomplete")),
    ]
    assert (output_text(response.output), response.status) == ("so", ends)


@pytest.mark.parametrize("end", ["", '":1}'], ids=["never whole", "whole in the end"])
def test_what_contradicts_what_waits_ends_there(end: str) -> None:
    again = CallOpened("0", "a", "f")
    said: list[Delta] = [
        again,
        Arguments("0", '{"a'),
        Text("so"),
        again,
        Text("on"),
        Arguments("0", end),
    ]
    response = fold(narrated(said))
    assert (output_text(response.output), response.status) == ("so", "failed")


def test_a_background_response_is_told_as_queued_first() -> None:
    types = [event.type for event in narrator("queued").begin()]
    assert types == ["response.created", "response.queued", "response.in_progress"]


@pytest.mark.parametrize("count", [MOST_CHUNKS - 1, MOST_CHUNKS, 3 * MOST_CHUNKS + 1])
def test_a_long_text_is_whole_however_many_pieces_it_came_in(count: int) -> None:
    teller = narrator()
    teller.begin()
    teller.hear([Text(f"{number} ") for number in range(count)])
    teller.hear([Finished()])
    teller.finish()
    assert output_text(teller.response.output) == "".join(f"{number} " for number in range(count))


def test_text_that_goes_on_can_be_told_at_once_and_nothing_else_can() -> None:
    teller = narrator()
    teller.begin()
    assert teller.hear_at_once([Text("one")]) == []  # no message is open
    teller.hear([Text("one")])
    assert [event.type for event in teller.hear_at_once([Text("two"), Text("three")])] == [
        "response.output_text.delta",
        "response.output_text.delta",
    ]
    others: list[list[Delta]] = [[Text("four"), Thought("hm")], [Text("")], [Finished()], []]
    for more in others:
        assert teller.hear_at_once(more) == []
    teller.hear([Finished()])
    assert teller.hear_at_once([Text("late")]) == []
    teller.finish()
    assert output_text(teller.response.output) == "onetwothree"
