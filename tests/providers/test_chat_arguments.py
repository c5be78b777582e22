"""Arguments come out once and whole, whether pieces are new, said again, or all that came."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.stream.deltas import Arguments
from app.providers.openai_chat.arguments import ArgumentsText
from app.providers.openai_chat.calls import Calls

NAMES = st.text("abc{}", max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3).map(json.dumps)
CUTS = st.lists(st.integers(1, 60), max_size=6)


def said(*pieces: str) -> str:
    """Return what is new in these pieces."""
    text = ArgumentsText()
    new = "".join(map(text.add, pieces))
    return "{}" if text.is_empty else new


def cut(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(place for place in cuts if place < len(text))})
    return [text[a:b] for a, b in pairwise(places)]


@given(TEXTS, CUTS)
def test_pieces_of_a_text_are_that_text(text: str, cuts: list[int]) -> None:
    assert said(*cut(text, cuts)) == text


@given(TEXTS, CUTS, st.booleans())
def test_a_whole_that_follows_its_pieces_says_nothing(
    text: str, cuts: list[int], is_spaced: bool
) -> None:
    whole = json.dumps(json.loads(text), indent=1) if is_spaced else text
    assert said(*cut(text, cuts), whole, whole) == text


@given(TEXTS, CUTS)
def test_pieces_that_have_all_that_came_say_what_is_new(text: str, cuts: list[int]) -> None:
    first, *others = accumulate(cut(text, [2, *cuts]))
    assert said(first, *others) == text


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (('{"a":', "{}", "}"), '{"a":{}}'),
        (('{"a": ', "{}", ', "b": ', "null", "}"), '{"a": {}, "b": null}'),
        (('{"a":', '{"a":1}', "}"), '{"a":{"a":1}}'),
        (('{"a":[', '{"b":1}', ",", '{"b":1}', "]}"), '{"a":[{"b":1},{"b":1}]}'),
        (("{}", '{"a":1}'), '{"a":1}'),
        (("{}",), "{}"),
        (("{}", "{}"), "{}"),
        (("null",), "{}"),
        ((" null\n",), "{}"),
        (('{"a":1}', '{"a":2}'), '{"a":1}{"a":2}'),
    ],
)
def test_pieces_make(pieces: tuple[str, ...], expected: str) -> None:
    assert said(*pieces) == expected


@pytest.mark.parametrize("repeats", [{}, {"id": "c1", "name": "f"}], ids=["bare", "with-its-name"])
def test_a_call_is_said_once_however_its_server_says_it(repeats: dict[str, Any]) -> None:
    calls, deltas = Calls(), []
    name, own_id = repeats.get("name"), repeats.get("id")
    deltas += calls.add({"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}})
    for piece in ('{"a":', "{}", "}", '{"a":{}}'):
        function = {"name": name, "arguments": piece}
        deltas += calls.add({"index": 0, "id": own_id, "function": function})
    deltas += calls.end()
    texts = [delta.fragment for delta in deltas if isinstance(delta, Arguments)]
    assert "".join(texts) == '{"a":{}}'


def test_repeats_cost_what_they_are_long() -> None:
    text = ArgumentsText()
    text.add('{"a":"' + "x" * 100_000)
    for _ in range(10_000):
        text.add("{")  # far shorter than what it might repeat: not joined, nor compared
    assert len(text._pieces) == 10_001
