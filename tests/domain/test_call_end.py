"""A call tells when its arguments are whole, in whatever pieces they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.stream.event_log import EventLog
from app.domain.stream.item_builders import FunctionCallBuilder

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab"\\{}[]\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('x"}', max_size=3), inner),
    max_leaves=8,
)


def a_call() -> FunctionCallBuilder:
    call = FunctionCallBuilder(EventLog(), "fc_1", "0", "call_1", "f")
    call.begin(0)
    return call


def is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@given(VALUES, st.sampled_from(["", " ", "}", "x", "{}", '"']), st.data())
def test_arguments_are_whole_where_they_are_an_object(
    value: object, rest: str, data: st.DataObject
) -> None:
    text, call, said = json.dumps(value) + rest, a_call(), ""
    while text:
        size = data.draw(st.integers(1, len(text)))
        piece, text = text[:size], text[size:]
        said += piece
        call.add_arguments(piece)
        whole = call.is_whole
        assert whole == is_object(said)
        if whole:
            return  # its narrator closes it


@pytest.mark.parametrize("text", ["[1]", "7", '"{}"', "", "  ", "{]}", "{" * 100_000])
def test_what_is_no_object_is_never_whole(text: str) -> None:
    call = a_call()
    call.add_arguments(text)
    assert not call.is_whole


def test_arguments_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    call, looks = a_call(), list[str]()
    monkeypatch.setattr(json, "loads", looks.append)
    for _ in range(1000):
        call.add_arguments('["}"]')
        assert not call.is_whole
    assert len(looks) <= 1
