"""Chunks that match a template say what they say when each is parsed by itself."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.stream.deltas import Annotated, Delta, Finished, Text
from app.domain.upstream_call import UpstreamCall
from app.errors import UpstreamMisbehaved
from app.providers.openai_chat.reader import ChatReader
from app.providers.reading.budget import Budget
from app.providers.reading.chunk_template import CREDIT_PER_MISS, FREE_MISSES, ChunkTemplate
from app.providers.reading.pieces import PieceReader
from app.providers.reading.sse import Frame


def content(event: dict[str, str]) -> object:
    return event["content"]


def event(text: str, model: str = "m") -> bytes:
    return orjson.dumps({"model": model, "content": text, "end": None})


def taken(template: ChunkTemplate, *events: bytes) -> list[Delta]:
    """Return what is taken of events that come at once."""
    deltas: list[Delta] = []
    count = template.take([("", each) for each in events], 0, deltas)
    assert count == len(deltas)
    return deltas


def learned(text: str, model: str = "m") -> ChunkTemplate:
    """Return one that was shown an event."""
    template = ChunkTemplate()
    template.learn(event(text, model), text, content)
    return template


def test_nothing_is_alike_before_something_was_shown() -> None:
    assert taken(ChunkTemplate(), event("hello")) == []


@pytest.mark.parametrize("text", ["hello", " wörld", "猫", "🐈", "{}", "a/b", "?"])
def test_a_chunk_with_another_text_matches(text: str) -> None:
    assert taken(learned("one"), event(text), event("two")) == [Text(text), Text("two")]


@pytest.mark.parametrize("text", ["", 'a"b', "a\\b", "a\nb", "\x7f", "\u2028"])
def test_a_text_that_may_need_escapes_is_parsed(text: str) -> None:
    assert taken(learned("one"), event(text)) == []


@pytest.mark.parametrize(
    "data",
    [
        event("two", model="n"),
        event("two")[:-1],
        event("two") + b" ",
        b"[DONE]",
        b"",
        event("two").replace(b"two", b"\xff"),
        event("two").replace(b"null", b"true"),
    ],
)
def test_an_event_that_differs_in_more_is_parsed(data: bytes) -> None:
    assert taken(learned("one"), event("zero"), data, event("two")) == [Text("zero")]


def test_an_event_that_has_a_name_is_parsed() -> None:
    deltas: list[Delta] = []
    assert learned("one").take([("error", event("two"))], 0, deltas) == 0


def framed(data: bytes) -> bytes:
    return b"data: %b\n\n" % data


@pytest.mark.parametrize("text", ["hello", " wörld", "猫", "🐈", "{}", "a/b", "?"])
def test_a_piece_with_another_text_is_known_as_it_came(text: str) -> None:
    template = learned("one")
    assert template.text_of(framed(event(text))) == text
    assert template.length == len(text)


@pytest.mark.parametrize(
    "piece",
    [
        *(framed(event(text)) for text in ["", 'a"b', "a\\b", "a\nb", "\x7f", "\u2028"]),
        framed(event("two", model="n")),
        framed(event("two").replace(b"two", b"\xff")),
        framed(event("two")) * 2,
        framed(event("two"))[:-1],
        framed(event("two"))[1:],
        b"event: error\n" + framed(event("two")),
        b": comment\n\n" + framed(event("two")),
        framed(event("two")).replace(b"\n", b"\r\n"),
        b"",
    ],
)
def test_any_other_piece_is_split_into_frames(piece: bytes) -> None:
    template = learned("one")
    assert template.text_of(piece) == ""
    assert template.length == 0


def test_a_piece_is_not_known_before_something_was_shown() -> None:
    assert ChunkTemplate().text_of(framed(event("hello"))) == ""


@pytest.mark.parametrize("same", ["m", "model", "content", "end"])
def test_where_the_text_stands_is_made_sure_of(same: str) -> None:
    template = learned(same, model=same)
    assert taken(template, event(same, model="two")) == []


def test_a_stream_of_unlike_events_is_soon_left_alone() -> None:
    template = ChunkTemplate()
    for number in range(FREE_MISSES + 1):
        template.learn(event("one", f"m{number}"), "one", content)
    assert taken(template, event("two", f"m{FREE_MISSES}")) == []


def test_likeness_pays_for_another_look() -> None:
    template = ChunkTemplate()
    for number in range(10 * FREE_MISSES):
        template.learn(event("one", f"m{number}"), "one", content)
        assert (
            len(taken(template, *[event("two", f"m{number}")] * CREDIT_PER_MISS)) == CREDIT_PER_MISS
        )


chunks = st.builds(
    lambda text, more, reason, created: {
        "created": created,
        "choices": [{"delta": {"content": text} | more, "finish_reason": reason}],
    },
    st.sampled_from(["one", "two", "", 'a"b', "猫"]) | st.text(max_size=4),
    st.sampled_from([{}] * 6 + [{"role": "assistant"}, {"refusal": "no"}]),
    st.sampled_from([None] * 9 + ["stop"]),
    st.sampled_from([1] * 5 + [2]),
)
datas = chunks.map(orjson.dumps) | chunks.map(lambda each: orjson.dumps(each)[:-1])


@given(st.lists(datas, max_size=30), st.integers(1, 7))
def test_a_stream_says_what_its_events_say_one_by_one(events: list[bytes], at_once: int) -> None:
    frames: list[Frame] = [("", each) for each in events]
    together, alone = list[Delta](), list[Delta]()
    fault = UpstreamMisbehaved("a fault")
    one = ChatReader(lambda _: fault)
    try:
        for first in range(0, len(frames), at_once):
            one.read(frames[first : first + at_once], together)
    except UpstreamMisbehaved:
        together.append(Text("nonsense"))
    try:
        for frame in frames:
            ChatReader(lambda _: fault).read([frame], alone)
    except UpstreamMisbehaved:
        alone.append(Text("nonsense"))
    assert together == alone


class Forgetful(ChunkTemplate):
    """Learns nothing, so that every chunk is parsed."""

    def learn(self, data: bytes, text: str, text_of: Callable[[object], object]) -> None:
        """Learn nothing."""


CITED = {"citations": ["https://a.example"]}
USAGE = {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
written = st.builds(
    lambda text, more, created, dumps: dumps(
        {"created": created, "choices": [{"delta": {"content": text}}]} | more
    ),
    st.sampled_from(["one", "two", "", 'a"b', "猫", "\ud83d", "\ude00", "x\ud83d"]),
    st.sampled_from([{}] * 6 + [USAGE, CITED, {"choices": [], **USAGE}]),
    st.sampled_from([1] * 5 + [2]),
    st.just(lambda value: json.dumps(value).encode()),
)
streams = st.lists(
    written.map(framed)
    | written.map(lambda each: b"data: %b\r\n\r\n" % each)
    | st.sampled_from([b": nothing\n\n", b"\n", b"data: [DONE]\n\n"]),
    max_size=20,
)


def read_in(pieces: Iterable[bytes], template: ChunkTemplate) -> list[Delta]:
    """Return what a stream says that comes in these pieces, its end included."""
    fault = UpstreamMisbehaved("a fault")
    reader = ChatReader(lambda _: fault)
    reader.template = template
    stream = PieceReader(reader, UpstreamCall(deadline=math.inf), Budget())
    said: list[Delta] = []
    for piece in pieces:
        stream.take(piece)
        said += stream.deltas
    with suppress(UpstreamMisbehaved):  # there was nothing
        said += stream.end()
    return said


@given(streams, st.data())
def test_a_stream_says_the_same_however_its_pieces_are_read(
    frames: list[bytes], draw: st.DataObject
) -> None:
    together = b"".join(frames)
    ends = draw.draw(st.lists(st.integers(0, len(together)), max_size=5))
    cuts = [0, *sorted(ends), len(together)]
    cut = [together[first:last] for first, last in itertools.pairwise(cuts)]
    parsed = read_in(frames, Forgetful())
    assert read_in(frames, ChunkTemplate()) == parsed
    assert read_in(cut, ChunkTemplate()) == parsed


def chat(text: str, **more: object) -> bytes:
    return framed(orjson.dumps({"choices": [{"delta": {"content": text}}], **more}))


def test_a_source_is_of_the_whole_text_however_it_was_read() -> None:
    pieces = [chat(word, **CITED) for word in ("one ", "two ", "three")]
    said = read_in([*pieces, b"data: [DONE]\n\n"], ChunkTemplate())
    (cited,) = (each.annotation for each in said if isinstance(each, Annotated))
    assert cited["end_index"] == len("one two three")


def test_a_text_after_the_counts_leaves_a_stream_without_an_end() -> None:
    counts = framed(orjson.dumps({"choices": [], **USAGE}))
    said = read_in([chat("one "), chat("two "), counts, chat("three")], ChunkTemplate())
    assert said[-1] == Text("three")
    assert not any(isinstance(each, Finished) for each in said)
