"""JSON that a model writes, cut anywhere and at times broken: what of it is read, and when."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.arguments.reader import JsonReader, Piece
from app.domain.arguments.wanted import positive, read_json
from tests.domain.test_custom_calls import CUTS, as_text, cut

TEXTS = st.text(st.characters(exclude_categories=()) | st.sampled_from('"\\/\n{}[]:,ud8\U0001f600'))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)


def pieces_of(fragments: list[str]) -> tuple[list[Piece], Any]:
    """Return what a reader reports of the fragments, and what it has read by their end."""
    reader = JsonReader()
    found = [piece for fragment in fragments for piece in reader.read(fragment)]
    return found, reader.value()


def strings_of(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], str]:
    """Return the strings that are values, by their paths, down to three levels."""
    if isinstance(value, str):
        return {path: value} if path else {}
    if len(path) == 3 or not isinstance(value, dict | list):
        return {}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        where: each
        for key, inner in pairs
        for where, each in strings_of(inner, (*path, key)).items()
    }


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans(), CUTS)
@example({" a": " b ", "c": [" "]}, None, True, [])
@example({"a": "\U0001f600\ud83d", "b": ["\\", {"c": "\n"}]}, None, True, list(range(60)))
def test_an_object_is_read_as_json_is_wherever_it_is_cut(
    value: dict[str, Any], indent: int | None, ascii_only: bool, cuts: list[int]
) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    written = written if ascii_only else as_text(written)
    expected = json.loads(written, object_pairs_hook=_first_of_each)
    found, read = pieces_of(cut(written, cuts))
    assert read == expected
    texts: defaultdict[tuple[str | int, ...], str] = defaultdict(str)
    for piece in found:
        texts[piece.path] += piece.text
    assert dict(texts) == strings_of(expected)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {as_text(key): _as_text(value) for key, value in reversed(pairs)}


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return as_text(value) if isinstance(value, str) else value


@given(TEXTS, CUTS)
def test_whatever_a_model_writes_is_read_the_same_however_it_is_cut(
    written: str, cuts: list[int]
) -> None:
    written = as_text(written)
    assert pieces_of(cut(written, cuts))[1] == pieces_of([written])[1]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"a": ["x", "y', {"a": ["x", "y"]}),
        ('{"a": "x\\', {"a": "x"}),
        ('{"a": "x\\qy"}', {"a": "x\\qy"}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ("{a: 'x', b: 5}", {"a": None, "b": 5}),
        ('{"a": ["x"}', {"a": ["x"]}),
        ('{"a": "1", "a": "2", "a": {"b": "3"}, "c": "4"}', {"a": "1", "c": "4"}),
        ('```json\n{"a": "x"}\n```', {"a": "x"}),
        ('{"a": "x"} {"a": "y"}', {"a": "x"}),
        ('{"a" "x" "b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": 12', {}),
        ('"{\\"a\\": \\"x\\"}"', {"a": "x"}),
        ('"x y"', "x y"),
        ("x y", None),
        ("", None),
        ("5", None),
    ],
)
def test_what_is_cut_off_or_broken_is_read_as_far_as_it_goes(written: str, read: Any) -> None:
    assert read_json(written) == read


@pytest.mark.parametrize(
    "deep",
    [
        "[" * 20_000,
        '{"a":' * 20_000,
        "}" * 20_000,
        "[" * 20_000 + "}" * 20_000,
        '{"a":' * 20_000 + "}" * 20_000,
    ],
    ids=["arrays", "objects", "ends", "arrays_and_other_ends", "objects_and_ends"],
)
def test_what_is_nested_without_end_is_read_in_no_time(deep: str) -> None:
    assert pieces_of([deep])[0] == []


def test_a_long_array_of_strings_is_read_in_no_time() -> None:
    strings = [f"x{number}" for number in range(20_000)]
    assert read_json(json.dumps(strings)) == strings


def test_a_long_string_that_comes_at_once_is_one_piece() -> None:
    text = "a line\n" * 5_000
    found, value = pieces_of([json.dumps({"patch": text})])
    assert [piece.step for piece in found] == ["begins", "goes_on", "ends"]
    assert (found[1].text, value) == (text, {"patch": text})


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (5.5, 5), ("5", 5), (0, None), (-1, None), (True, None), ("x", None), (1e300, None)],
)
def test_a_limit_is_a_number_above_0(value: Any, number: int | None) -> None:
    assert positive(value) == number
