"""Pieces of a stream that servers cut and repeat in their own way lose and double nothing (U20)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.stream.accumulate import fold
from app.settings import Api
from tests.contract.recordings import play
from tests.contract.test_case_shapes import chat_streamed, summary_of
from tests.contract.test_case_siblings import APIS, streamed, text_of

Json = dict[str, Any]


def call(arguments: str, name: str = "f", **more: Any) -> Json:
    """Return a fragment of a call that is whole."""
    return {"index": 0, "id": "", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize(
    "pieces",
    [
        [{"text": "Hel"}, {"text": "lo"}],
        [{"delta": "Hel"}, {"delta": "lo"}],
        [{"message": {"content": "Hel"}}, {"message": {"content": "lo"}}],
        [{"message": {"content": "Hel"}}, {"message": {"content": "Hello"}}],
        [{"message": "H"}, {"message": "Hel"}, {"message": "Hello"}],
        [{"message": "H"}, {"message": "el"}, {"message": "lo"}, {"message": "Hello"}],
        [{"delta": {"content": "Hel"}}, {"message": {"content": "Hello"}}],
        [{"delta": {"content": "Hel"}}, {"delta": {"content": "lo"}}, {"message": "Hello"}],
        [{"delta": {"content": c}} for c in "Hello"] + [{"message": {"content": "Hello"}}],
        [{"text": "Hel"}, {"text": "lo"}, {"message": {"content": None}}],
    ],
)
def test_a_text_is_whole_in_whatever_pieces_it_comes(pieces: list[Json]) -> None:
    assert summary_of(chat_streamed(*pieces)) == ["Hello"]


@pytest.mark.parametrize("api", APIS)
def test_what_follows_the_end_is_no_part_of_the_answer(api: Api) -> None:
    once, again = streamed(api, "A", "B"), streamed(api, "C")
    for pieces in ([once + again], [once, again], [once + b"data: [DONE]\n\n", again]):
        telling = play(api, pieces, stream=True)
        assert (telling.failure, text_of(fold(telling.events))) == (None, "AB")


OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("fragments", "arguments"),
    [
        ([call(OSLO), call(ROME)], ["Oslo", "Rome"]),
        ([call(OSLO), call(ROME), call(OSLO, "g")], ["Oslo", "Rome", "Oslo"]),
        ([call(OSLO, id="a"), call(ROME)], ["Oslo", "Rome"]),
        ([call(OSLO, id="a"), call(ROME, id="b")], ["Oslo", "Rome"]),
        ([call(OSLO, id="a"), call(OSLO, id="b")], ["Oslo", "Oslo"]),
        ([call(OSLO, id="a"), call(OSLO, id="a")], ["Oslo"]),
        ([call(OSLO), call(OSLO)], ["Oslo"]),
        ([call('{"city": '), call('"Oslo"}')], ["Oslo"]),
        ([call('{"city": {"a": 1}'), call("}")], [{"a": 1}]),
        ([call(""), call(OSLO)], ["Oslo"]),
    ],
)
def test_whole_calls_of_one_index_are_several(fragments: list[Json], arguments: list[Any]) -> None:
    for deltas in ([fragments], [[fragment] for fragment in fragments]):
        telling = chat_streamed(*({"delta": {"tool_calls": calls}} for calls in deltas))
        assert [each[1]["city"] for each in summary_of(telling)] == arguments
