"""The calls of custom tools: what models write as JSON comes out as text (G1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.items import CustomCall, arguments_for
from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.call_names import CallNames
from app.domain.stream.calls.custom import InputDecoder
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished
from app.domain.stream.events import Event, InputDelta, InputDone, ItemAdded, ItemDone
from app.domain.stream.narrate import Narrator
from app.domain.stream.resume import resume
from app.domain.tools import CustomTool, FunctionTool, InputGrammar, NamespaceTool, functions_of
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar

TEXTS = st.text(st.characters(exclude_categories=()) | st.sampled_from('"\\/\n{}ud8\U0001f600'))
SPACES = st.text(" \t\r\n", max_size=3)
CUTS = st.lists(st.integers(0, 60))


def cut(text: str, at: Iterable[int]) -> list[str]:
    """Return the text in pieces, cut at these places."""
    places = sorted({0, len(text), *(each % (len(text) + 1) for each in at)})
    return [text[start:end] for start, end in pairwise(places)]


def decoded(pieces: Iterable[str]) -> list[str]:
    """Return what a decoder makes of each piece, and of the end."""
    decoder = InputDecoder()
    return [*map(decoder.read, pieces), decoder.end()]


def as_text(text: str) -> str:
    """Return a string as it can be sent: pairs of surrogates joined, halves replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(TEXTS, st.booleans(), st.tuples(*[SPACES] * 6), CUTS)
@example("\U0001f600\ud83d\U0001f600\ude00", True, ("",) * 6, list(range(60)))
def test_an_object_gives_the_text_that_json_gives_wherever_it_is_cut(
    text: str, ascii_only: bool, spaces: Sequence[str], cuts: list[int]
) -> None:
    string = json.dumps(text, ensure_ascii=ascii_only)
    if not ascii_only:
        string = as_text(string)  # as upstreams' JSON is read
    tokens = ("{", '"input"', ":", string, "}")
    arguments = spaces[0] + "".join(map("".join, zip(tokens, spaces[1:], strict=True)))
    found = decoded(cut(arguments, cuts))
    assert "".join(found) == as_text(json.loads(arguments)["input"])
    assert found[-1] == ""


@given(st.text(max_size=40) | st.text('{}"input: \\u', max_size=20), CUTS)
@example("", [])
@example("ls -l", [])
@example("{}", [1])
@example('"ls"', [])
@example('{"command": "ls"}', [])
@example('{"input": 5}', [])
@example('{"inputs": "ls"}', [8])
def test_what_is_no_such_object_is_the_input_as_it_came(arguments: str, cuts: list[int]) -> None:
    if not re.match(r'\s*{\s*"input"\s*:\s*"', arguments):
        assert "".join(decoded(cut(arguments, cuts))) == arguments


@pytest.mark.parametrize("pieces", [cut, lambda text, _at: [text]], ids=["cut", "whole"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"input": "ls", "cwd": "/"}', 'ls", "cwd": "/"}'),
        ('{"input": "ls"} {"input": "rm"}', 'ls"} {"input": "rm"}'),
        ('{"input": "a\\nb\\q"}', 'a\nb\\q"}'),
        ('{"input": "a\\ud83d\\q"}', 'a\ufffd\\q"}'),
        ('{"input": "a\nb\\t"}', "a\nb\t"),
        ('{"input": "cut off\\', "cut off\\"),
        ('{"input": "cut off\\ud83d', "cut off\ufffd"),
        ('{"input": "cut off"', "cut off"),
        ('{"inp', '{"inp'),
    ],
)
def test_what_breaks_off_or_goes_on_loses_nothing(
    arguments: str, expected: str, pieces: object
) -> None:
    given_pieces = pieces(arguments, range(60)) if callable(pieces) else []
    assert "".join(decoded(given_pieces)) == expected


TOOLS = (
    FunctionTool("look_up"),
    CustomTool("patch"),
    NamespaceTool("files", tools=(CustomTool("patch", "Edits."), FunctionTool("open"))),
)


def narrator() -> Narrator:
    response = Response("resp_1", "m", 1, {}, "in_progress")
    return Narrator(response, lambda prefix: prefix, lambda: 2, CallNames.of((), TOOLS))


def events_of(name: str, *fragments: str, teller: Narrator | None = None) -> list[Event]:
    teller = teller or narrator()
    said: list[Delta] = [CallOpened("0", "call_1", name)]
    said += [Arguments("0", each) for each in fragments]
    return [*teller.begin(), *teller.hear([*said, Finished()]), *teller.finish()]


@pytest.mark.parametrize(("name", "namespace"), [("patch", None), ("files__patch", "files")])
def test_the_call_of_a_custom_tool_is_written_as_one(name: str, namespace: str | None) -> None:
    events = events_of(name, '{"inp', 'ut": "a\\', "nb", '"}')
    call = CustomCall("ctc", "call_1", "patch", arguments_for("a\nb"), namespace=namespace)
    (added,) = [event.item for event in events if isinstance(event, ItemAdded)]
    assert added == replace(call, arguments=arguments_for(""), status="in_progress")
    assert [event.delta for event in events if isinstance(event, InputDelta)] == ["a", "\nb"]
    assert [event.input for event in events if isinstance(event, InputDone)] == ["a\nb"]
    assert [event.item for event in events if isinstance(event, ItemDone)] == [call]
    assert fold(events).output == (call,)
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))


@pytest.mark.parametrize("name", ["look_up", "files__open"])
def test_functions_beside_custom_tools_stay_functions(name: str) -> None:
    teller = narrator()
    events_of(name, '{"input": "a"}', teller=teller)
    assert [item.type for item in teller.response.output] == ["function_call"]


def test_a_call_without_arguments_has_an_empty_input() -> None:
    assert [event.input for event in events_of("patch") if isinstance(event, InputDone)] == [""]


def test_a_call_that_was_cut_short_can_be_ended_by_another_process() -> None:
    first = narrator()
    waiting = first.response
    cut_short: list[Delta] = [CallOpened("0", "call_1", "files__patch")]
    events = [*first.begin(), *first.hear([*cut_short, Arguments("0", '{"input": "a\\nb')])]
    second = resume(waiting, events, None, lambda: 2)
    assert second.cancel() == first.cancel()
    arguments = arguments_for("a\nb")
    call = CustomCall("ctc", "call_1", "patch", arguments, "incomplete", "files")
    assert second.response.output == (call,)


def test_models_know_a_custom_tool_as_a_function_of_one_text() -> None:
    (function,) = functions_of((CustomTool("patch", "Edits."),))
    assert function.name == "patch"
    assert (function.description or "").startswith("Edits.")
    assert function.parameters == {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("syntax", ["lark", "regex"])
def test_models_are_shown_a_grammar_in_the_description(syntax: str) -> None:
    tool = CustomTool("patch", None, InputGrammar(syntax, "start: /a+/"))  # type: ignore[arg-type]
    (function,) = functions_of((NamespaceTool("files", tools=(tool,)),))
    assert function.name == "files__patch"
    assert "start: /a+/" in (function.description or "")
