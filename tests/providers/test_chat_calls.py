"""Fragments of function calls, as servers really send them."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.request import NO_PARAMETERS, Parameters
from app.domain.stream.deltas import Arguments, CallOpened, Delta
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction, NamedHostedTool
from app.errors import UpstreamMisbehaved
from app.providers.openai_chat.calls import Calls


def fragment(
    arguments: Any = None,
    *,
    index: int | None = None,
    call_id: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return a fragment with the keys that are not None."""
    function = {"name": name, "arguments": arguments}
    found = {
        "index": index,
        "id": call_id,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in found.items() if value is not None}


def heard(*fragments: dict[str, Any], parameters: Parameters = NO_PARAMETERS) -> list[Delta]:
    calls = Calls(parameters=parameters)
    return [delta for each in fragments for delta in calls.add(each)] + calls.end()


def whole(*fragments: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """Return (call id, name, arguments) of each call, in the order they were opened."""
    opened: dict[str, tuple[str | None, str]] = {}
    arguments: dict[str, str] = {}
    for delta in heard(*fragments):
        if isinstance(delta, CallOpened):
            opened[delta.key] = (delta.call_id, delta.name)
            arguments[delta.key] = ""
        elif isinstance(delta, Arguments):
            arguments[delta.key] += delta.fragment
    return [(*opened[key], arguments[key]) for key in opened]


def test_a_call_grows_fragment_by_fragment() -> None:
    assert heard(
        fragment("", index=0, call_id="c1", name="f"),
        fragment('{"a"', index=0),
        fragment(": 1}", index=0),
    ) == [CallOpened("0", "c1", "f"), Arguments("0", '{"a"'), Arguments("0", ": 1}")]


@pytest.mark.parametrize(
    "fragments",
    [
        [fragment(index=0, call_id="c1"), fragment(index=0, name="f"), fragment("{}", index=0)],
        [fragment(index=0, name="f"), fragment(index=0, call_id="c1"), fragment("{}", index=0)],
        [fragment("{", index=0, call_id="c1"), fragment("}", index=0, name="f")],
        [fragment("{}", index=0, call_id="c1", name="f")],
        [fragment("{}", call_id="c1", name="f")],
        [fragment({}, call_id="c1", name="f"), fragment("{}", call_id="c1")],
        [fragment("{", call_id="c1", name="f"), fragment("}", call_id="c1", name="f")],
        [
            fragment("{", index=0, call_id="c1", name="f"),
            fragment("}", index=0, call_id="c1", name="f"),
        ],
        [fragment("{", call_id="c1", name="f"), fragment("}")],
        [fragment("{", index=0, call_id="c1", name="f"), fragment("}", index=0, call_id="other")],
    ],
    ids=[
        "id-then-name",
        "name-then-id",
        "arguments-before-the-name",
        "whole",
        "whole-without-index",
        "empty-object-first",
        "id-and-name-repeated-without-index",
        "id-and-name-repeated",
        "nothing-but-arguments",
        "an-id-for-each-fragment",
    ],
)
def test_one_call_is_one_call_however_it_is_told(fragments: list[dict[str, Any]]) -> None:
    assert whole(*fragments) == [("c1", "f", "{}")]


@pytest.mark.parametrize(
    "fragments",
    [
        [
            fragment("{", index=0, call_id="c1", name="f"),
            fragment("[", index=1, call_id="c2", name="g"),
            fragment("}", index=0),
            fragment("]", index=1),
        ],
        [fragment("{}", call_id="c1", name="f"), fragment("[]", call_id="c2", name="g")],
        [
            fragment("{}", index=0, call_id="c1", name="f"),
            fragment("[]", index=0, call_id="c2", name="g"),
        ],
        [
            fragment("{}", index=0, call_id="c1", name="f"),
            fragment("[", index=0, call_id="c2", name="g"),
            fragment("]", index=0),
        ],
        [
            fragment("{", call_id="c1", name="f"),
            fragment("}"),
            fragment("[]", call_id="c2", name="g"),
        ],
    ],
    ids=["interleaved", "no-index", "always-index-0", "index-0-in-pieces", "one-after-another"],
)
def test_two_calls_are_two_calls_however_they_are_told(fragments: list[dict[str, Any]]) -> None:
    assert whole(*fragments) == [("c1", "f", "{}"), ("c2", "g", "[]")]


@pytest.mark.parametrize(
    "fragments",
    [
        [fragment("{}", name="f"), fragment("[]", name="g")],
        [fragment("{}", index=0, name="f"), fragment("[]", index=0, name="g")],
        [
            fragment("{}", index=0, name="f", call_id=""),
            fragment("[]", index=1, name="g", call_id=""),
        ],
    ],
    ids=["nothing", "index-0", "empty"],
)
def test_calls_may_have_no_ids(fragments: list[dict[str, Any]]) -> None:
    assert whole(*fragments) == [(None, "f", "{}"), (None, "g", "[]")]


def test_arguments_may_be_an_object() -> None:
    assert whole(fragment({"a": 1}, call_id="c1", name="f")) == [("c1", "f", '{"a":1}')]


def test_a_call_without_arguments_is_opened_too() -> None:
    assert whole(fragment("", index=0, call_id="c1", name="f")) == [("c1", "f", "")]


def test_a_call_with_nothing_but_a_name_is_opened_when_the_next_begins() -> None:
    deltas = heard(fragment(index=0, name="f"), fragment("{}", index=1, call_id="c2", name="g"))
    assert deltas == [
        CallOpened("0", None, "f"),
        CallOpened("1", "c2", "g"),
        Arguments("1", "{}"),
    ]


def test_a_call_with_nothing_but_a_name_is_opened_at_the_end() -> None:
    assert heard(fragment(index=0, name="f")) == [CallOpened("0", None, "f")]


F, G = FunctionTool("f"), FunctionTool("g")


@pytest.mark.parametrize(
    "parameters",
    [
        NO_PARAMETERS,
        Parameters(tools=(F, G)),
        Parameters(tools=(F, G), tool_choice="required"),
        Parameters(tools=(F, G), tool_choice=AllowedTools.of("required", (NamedFunction("f"),))),
        Parameters(tools=(F,), tool_choice=NamedHostedTool.of({"type": "web_search"})),
    ],
)
def test_a_call_needs_a_name(parameters: Parameters) -> None:
    with pytest.raises(UpstreamMisbehaved, match="without a name"):
        heard(fragment("[]", index=0, call_id="c1"), parameters=parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(tools=(F,)),
        Parameters(tools=(F, G), tool_choice=NamedFunction("f")),
    ],
)
@pytest.mark.parametrize("name", [None, ""])
def test_a_call_without_a_name_is_of_the_only_function_there_is(
    parameters: Parameters, name: str | None
) -> None:
    fragments = fragment('{"a"', index=0, call_id="c1", name=name), fragment(": 1}", index=0)
    assert heard(*fragments, parameters=parameters) == [
        CallOpened("0", "c1", "f"),
        Arguments("0", '{"a": 1}'),
    ]


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize("first", ["", '{"a"'])
@pytest.mark.parametrize("null", ["null", "None"])
def test_a_null_that_was_made_a_text_is_no_name(null: str, first: str, index: int | None) -> None:
    rest = '{"a": 1}'.removeprefix(first)
    fragments = (
        fragment(first, index=index, call_id="c1", name="f"),
        fragment(rest, index=index, call_id="", name=null),
    )
    assert whole(*fragments) == [("c1", "f", '{"a": 1}')]


def test_a_function_may_be_called_null() -> None:
    assert whole(fragment("{}", index=0, name="null")) == [(None, "null", "{}")]


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["get_", "weather"], "get_weather"),
        (["get", "_", "weather"], "get_weather"),
        (["get_", "get_weather"], "get_weather"),
        (["get_weather", "get_weather"], "get_weather"),
    ],
    ids=["two", "three", "grown", "again"],
)
def test_a_name_may_come_in_pieces(names: list[str], name: str) -> None:
    first, *others = names
    pieces = [fragment("", index=0, call_id="c1", name=first)]
    pieces += [fragment("", index=0, name=each) for each in others]
    assert whole(*pieces, fragment('{"a":1}', index=0)) == [("c1", name, '{"a":1}')]


def test_empty_arguments_before_the_pieces_are_none() -> None:
    fragments = [fragment("{}", index=0, call_id="c1", name="f"), fragment('{"a":1}', index=0)]
    assert whole(*fragments) == [("c1", "f", '{"a":1}')]


def test_empty_arguments_alone_are_arguments() -> None:
    assert whole(fragment("{}", index=0, call_id="c1", name="f")) == [("c1", "f", "{}")]


def test_empty_arguments_of_an_earlier_call_may_be_followed_by_its_pieces() -> None:
    result = whole(
        fragment("{}", index=0, call_id="c1", name="f"),
        fragment("{}", index=1, call_id="c2", name="g"),
        fragment('{"a":1}', index=0),
    )
    assert result == [("c1", "f", '{"a":1}'), ("c2", "g", "{}")]


def test_arguments_that_are_null_are_empty() -> None:
    null = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": None}}
    assert whole(null) == [("c1", "f", "")]


@pytest.mark.parametrize("call_id", [None, "c1"])
@pytest.mark.parametrize("index", [None, 0])
def test_other_whole_arguments_are_another_call(index: int | None, call_id: str | None) -> None:
    first, second = (
        fragment(arguments, index=index, call_id=call_id, name="f")
        for arguments in ('{"a":1}', '{"a":2}')
    )
    assert whole(first, second) == [(call_id, "f", '{"a":1}'), (call_id, "f", '{"a":2}')]


@pytest.mark.parametrize("call_id", [None, "c1"])
def test_a_whole_call_may_be_said_again_in_other_words(call_id: str | None) -> None:
    said = fragment('{"a":1,"b":2}', index=0, call_id=call_id, name="f")
    again = fragment('{"b": 2, "a": 1}', index=0, call_id=call_id, name="f")
    assert whole(said, again) == [(call_id, "f", '{"a":1,"b":2}')]
