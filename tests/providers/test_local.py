"""The built-in model: the same words each time, for every feature."""

from __future__ import annotations

import json
import threading
import tracemalloc
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.items import InputFile, InputImage, Item, Reasoning
from app.domain.request import INCLUDE_LOGPROBS
from app.domain.response import Usage
from app.domain.stream.deltas import (
    Arguments,
    Batch,
    CallOpened,
    Delta,
    Finished,
    Text,
    Thought,
    Used,
)
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, NotFound, UpstreamTimeout, UpstreamUnavailable
from app.providers.local import LocalProvider, answer
from app.providers.local.provider import MOST_WORDS
from tests.providers.calling import a_call
from tests.providers.chatting import TIME, WEATHER, assistant, call, output, request, user

LOCAL = LocalProvider("local")


def batches(*items: Item, to: UpstreamCall | None = None, **parameters: Any) -> list[Batch]:
    result = request(*items, **dict[str, Any](model="echo", stream=True) | parameters)
    return list(LOCAL.answer(result, to or a_call()))


def said(*items: Item, **parameters: Any) -> list[Delta]:
    return [delta for batch in batches(*items, **parameters) for delta in batch]


def text(*items: Item, **parameters: Any) -> str:
    return "".join(delta.text for delta in said(*items, **parameters) if isinstance(delta, Text))


def called(*items: Item, **parameters: Any) -> list[tuple[str, Any]]:
    deltas = said(*items, **parameters)
    names = [delta.name for delta in deltas if isinstance(delta, CallOpened)]
    arguments = "".join(delta.fragment for delta in deltas if isinstance(delta, Arguments))
    return [(name, json.loads(arguments)) for name in names]


def test_a_word_is_a_batch() -> None:
    assert batches(user("Hello  big world\n"))[:-1] == [
        [Text("Hello")],
        [Text("  big")],
        [Text(" world\n")],
    ]


def test_a_whole_answer_is_one_batch_of_the_same() -> None:
    (whole,) = batches(user("Hello big world"), stream=False)
    assert list(whole) == said(user("Hello big world"))


def test_the_last_user_message_is_echoed() -> None:
    assert text(user("One."), assistant("Two."), user("Three."), assistant("Four.")) == "Three."


def test_pictures_and_files_are_told_of() -> None:
    parts = ("See", InputImage("data:a"), InputFile(file_data="a", filename="b.pdf"), InputFile())
    assert text(user(*parts)) == "See\n[image]\n[file b.pdf]\n[file]"


def test_nothing_is_echoed_by_nothing() -> None:
    assert text(assistant("Hello.")) == ""


def test_words_are_counted() -> None:
    items = (
        user("a b"),
        assistant("c"),
        Reasoning("rs_1", ("d e",)),
        call("c1", arguments='{"f": 1}'),
        output("c1", "g", "h"),
    )
    deltas = said(*items, instructions="i j k")
    assert deltas[-2:] == [Used(Usage(input_tokens=12, output_tokens=2)), Finished("stop")]


def test_the_answer_stops_at_its_bound() -> None:
    deltas = said(user("a b c"), max_output_tokens=2)
    assert deltas[:2] == [Text("a"), Text(" b")]
    assert deltas[-1] == Finished("length")


def test_an_answer_has_a_bound_of_its_own() -> None:
    for more in ({}, {"max_output_tokens": 2 * MOST_WORDS}):
        deltas = said(user("a " * (MOST_WORDS + 1)), stream=False, **more)
        assert deltas[-2:] == [Used(Usage(MOST_WORDS + 1, MOST_WORDS)), Finished("length")]


@given(st.text(st.sampled_from("ab \n\x1f\u00a0é"), max_size=40))
def test_as_many_words_are_counted_as_there_are(text: str) -> None:
    with patch.object(answer, "_PIECE", 4):
        assert answer.count_words(text) == len(list(answer.words(text)))
    assert "".join(answer.words(text)) == text


def test_words_take_no_memory_before_they_are_said() -> None:
    long = "a " * 500_000
    tracemalloc.start()
    try:
        assert answer.count_words(long) == 500_000
        assert next(iter(answer.LocalAnswer(text=long).deltas())) == Text("a")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_of_just_the_bound_is_whole() -> None:
    assert said(user("a b"), max_output_tokens=2)[-1] == Finished("stop")


def test_a_summary_is_given_when_it_is_asked_for() -> None:
    deltas = said(user("a b"), reasoning=ReasoningOptions(summary="auto"))
    thoughts = [delta.text for delta in deltas if isinstance(delta, Thought)]
    assert "".join(thoughts) == "I am to answer 2 words."
    assert Used(Usage(2, 8, reasoning_tokens=6)) in deltas


@pytest.mark.parametrize("summary", [None, "none"])
def test_no_summary_is_given_unasked(summary: str | None) -> None:
    deltas = said(reasoning=ReasoningOptions("high", summary))
    assert not any(isinstance(delta, Thought) for delta in deltas)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "weather"),
        (NamedFunction("time"), "time"),
        (AllowedTools("required", ("time",)), "time"),
    ],
)
def test_a_call_that_is_demanded_is_made(choice: Any, name: str) -> None:
    assert [each for each, _ in called(tools=(WEATHER, TIME), tool_choice=choice)] == [name]


@pytest.mark.parametrize("choice", ["auto", "none", AllowedTools("auto", ("time",))])
def test_no_call_is_made_unasked(choice: Any) -> None:
    assert called(tools=(WEATHER, TIME), tool_choice=choice) == []


def test_the_arguments_fit_the_schema() -> None:
    assert called(user("Rome"), tools=(WEATHER,), tool_choice="required") == [
        ("weather", {"city": "Rome"})
    ]


def test_a_function_without_a_schema_gets_no_arguments() -> None:
    assert called(tools=(FunctionTool("f", parameters={}),), tool_choice="required") == [("f", {})]


def test_an_output_is_echoed_whatever_is_demanded() -> None:
    items = (user("Hi."), call("c1"), output("c1", "Sunny."))
    assert text(*items, tools=(WEATHER,), tool_choice="required") == "Sunny."


def test_json_is_json() -> None:
    assert json.loads(text(user("Hi."), text=TextOptions("json_object"))) == {"echo": "Hi."}


def test_json_of_a_schema_fits_it() -> None:
    form = JsonSchemaFormat("a", {"type": "object", "properties": {"n": {"type": "integer"}}})
    assert json.loads(text(user("Hi."), text=TextOptions(form))) == {"n": 0}


def test_what_makes_no_sense_here_is_named() -> None:
    payload = request(
        top_logprobs=1, include=frozenset({INCLUDE_LOGPROBS}), text=TextOptions(verbosity="low")
    )
    assert LOCAL.ignored(payload) == ("top_logprobs", "include", "text.verbosity")
    assert LOCAL.ignored(request()) == ()


def test_the_models_are_those_for_use() -> None:
    assert (LOCAL.name, LOCAL.models()) == ("local", ("echo", "demo"))


def test_another_model_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        batches(model="gpt-4")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")


def test_the_failing_model_fails() -> None:
    with pytest.raises(UpstreamUnavailable):
        batches(model="fail")


def test_the_slow_model_is_given_up_at_once() -> None:
    given_up = a_call()
    threading.Timer(0.01, given_up.cancel).start()
    with pytest.raises(CallerGone):
        batches(user("a " * 500), model="slow-echo", to=given_up)


def test_a_call_that_was_cancelled_says_nothing() -> None:
    given_up = a_call()
    given_up.cancel()
    with pytest.raises(CallerGone):
        batches(to=given_up)


def test_a_call_has_its_time() -> None:
    with pytest.raises(UpstreamTimeout):
        batches(to=a_call(within_s=-1))
