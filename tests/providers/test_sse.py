"""Frames come out whole, wherever the reads cut the stream."""

from __future__ import annotations

import sys
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UpstreamMisbehaved
from app.providers.reading import sse
from app.providers.reading.sse import Frame, FrameSplitter

STREAM = (
    b"\xef\xbb\xbf: hello\n\n"
    b'data: {"a": "gr\xc3\xbc\xc3\x9fe \xf0\x9f\x91\x8b"}\n\n'
    b"event: ping\ndata:\n\n"
    b"event: multi\nid: 7\nretry: 10\ndata: one\ndata:two\ndata:  three\n\n"
    b"event: nothing\n\n"
    b"data: with a line separator \xe2\x80\xa8 inside\n\n\n"
    b"data: [DONE]\n\n"
)
FRAMES: list[Frame] = [
    ("", b'{"a": "gr\xc3\xbc\xc3\x9fe \xf0\x9f\x91\x8b"}'),
    ("ping", b""),
    ("multi", b"one\ntwo\n three"),
    ("", b"with a line separator \xe2\x80\xa8 inside"),
    ("", b"[DONE]"),
]


def split(*chunks: bytes) -> list[Frame]:
    splitter = FrameSplitter()
    return [frame for chunk in chunks for frame in splitter.feed(chunk)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_every_line_end_is_understood(line_end: bytes) -> None:
    assert split(STREAM.replace(b"\n", line_end)) == FRAMES


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_stream_may_come_byte_by_byte(line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    assert split(*(stream[i : i + 1] for i in range(len(stream)))) == FRAMES


@given(
    cuts=st.lists(st.integers(0, len(STREAM) + 20), max_size=12),
    line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
@settings(max_examples=60)
def test_a_stream_may_be_cut_anywhere(cuts: list[int], line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    bounds = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(bounds)]
    assert split(*pieces) == FRAMES


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_frame_is_told_as_soon_as_its_blank_line_begins(line_end: bytes) -> None:
    whole = b"data: x" + 2 * line_end
    cut = len(whole) - (len(line_end) - 1)
    assert split(whole[:cut]) == [("", b"x")]


def test_a_read_of_nothing_changes_nothing() -> None:
    assert split(b"event: a\r", b"", b"\ndata: 1\r\n\r\n") == [("a", b"1")]


def test_all_frames_of_one_read_come_together() -> None:
    assert split(b"data: 1\n\ndata: 2\n\ndata: 3") == [("", b"1"), ("", b"2")]


@pytest.mark.parametrize("cut", range(4))
def test_a_byte_order_mark_is_skipped(cut: int) -> None:
    stream = b"\xef\xbb\xbfdata: 1\n\n"
    assert split(stream[:cut], stream[cut:]) == [("", b"1")]


def test_a_byte_order_mark_counts_only_at_the_beginning() -> None:
    assert split(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [("", b"1")]


def test_a_name_that_is_no_text_does_no_harm() -> None:
    assert split(b"event: \xff\ndata: 1\n\n") == [("\N{REPLACEMENT CHARACTER}", b"1")]


@pytest.mark.parametrize(
    ("said", "frames"),
    [
        (b"data: 1\n", [("", b"1")]),
        (b"data: 1", []),
        (b'data: {"a": {"b"', []),
        (b'data: {"a": {}', []),
        (b'data: {"a": {"b": 1}', []),
        (b'event: e\ndata: {"a": {}}', [("e", b'{"a": {}}')]),
        (b"data:[DONE]", [("", b"[DONE]")]),
        (b"data: {}\nevent: a", []),
        (b"event: a\n", []),
        (b"", []),
    ],
)
def test_a_stream_may_end_without_its_blank_line(said: bytes, frames: list[Frame]) -> None:
    splitter = FrameSplitter()
    splitter.feed(said)
    assert splitter.end() == frames


@pytest.mark.parametrize(
    ("said", "is_between"),
    [
        (b"", False),
        (b"data: x\n\n", True),
        (b"data: x\n\ndata", False),
        (b"data: x\r\n\r\n", True),
        (b"data: x\n\r", False),
        (b"data: x\n", False),
    ],
)
def test_it_tells_whether_a_frame_begins_with_what_follows(said: bytes, is_between: bool) -> None:
    splitter = FrameSplitter()
    splitter.feed(said)
    assert splitter.is_between == is_between


@pytest.mark.parametrize("piece", [b"x", b"data: x\n"], ids=["a-line", "lines"])
def test_a_frame_must_end_some_time(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(sse, "MAX_FRAME", 100)
    splitter = FrameSplitter()
    with pytest.raises(UpstreamMisbehaved, match="does not end"):
        deque(map(splitter.feed, [piece] * 200), maxlen=0)


@pytest.mark.parametrize("nothing", [b"\n", b": nothing\n\n"], ids=["empty lines", "comments"])
def test_what_says_nothing_takes_few_calls(nothing: bytes) -> None:
    calls = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    splitter, chunk = FrameSplitter(), nothing * 10_000
    sys.setprofile(note)
    try:
        splitter.feed(chunk)
    finally:
        sys.setprofile(None)
    assert calls <= 3 * chunk.count(b"nothing") + 100


@pytest.mark.parametrize(
    ("said", "frames"),
    [
        (b"data: {}\ndata: [DONE]\n\n", [("", b"{}"), ("", b"[DONE]")]),
        (
            b'event: a\ndata: {"a": 1}\nevent: b\ndata: {"b": 1}\n\n',
            [("a", b'{"a": 1}'), ("b", b'{"b": 1}')],
        ),
        (b'data: {"a":\ndata: {}\ndata: }\n\n', [("", b'{"a":\n{}\n}')]),
        (b"data: {}\ndata: x\n\n", [("", b"{}\nx")]),
        (b"data: {}\nevent: a\n\n", [("a", b"{}")]),
    ],
)
def test_lines_that_are_whole_each_are_frames_of_their_own(
    said: bytes, frames: list[Frame]
) -> None:
    assert split(said) == frames


def test_a_long_block_is_one_frame() -> None:
    """It would be read in one go, in which nobody else has a turn."""
    lines = b"data: {}\n" * (sse.MOST_UNPARTED // 9 + 1)
    assert len(split(lines + b"\n")) == 1


ERROR = b'{"error": {"message": "data is lost"}}'
SPREAD = b'{\n  "error": {\n    "message": "x"\n  }\n}'


@pytest.mark.parametrize("ending", [b"", b"\n", b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("bare", [ERROR, SPREAD])
def test_an_object_that_is_no_field_is_data_all_the_same(bare: bytes, ending: bytes) -> None:
    splitter = FrameSplitter()
    frames = splitter.feed(b'data: {"a": 1}\n\n' + bare + ending) + splitter.end()
    assert [(name, data.replace(b"\r", b"").strip()) for name, data in frames] == [
        ("", b'{"a": 1}'),
        ("", bare),
    ]


def test_an_object_in_a_line_between_fields_has_the_name_before_it() -> None:
    assert split(b"event: error\n" + ERROR + b"\n\n", b'data: {"a": 1}\n' + ERROR + b"\n\n") == [
        ("error", ERROR),
        ("", b'{"a": 1}'),
        ("", ERROR),
    ]


@pytest.mark.parametrize("line", [b"{", b'{"a', b'{"a": 1}}', b"x {}", b": {}"])
def test_what_only_looks_like_an_object_at_the_end_is_none(line: bytes) -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b'data: {"a": 1}\n\n' + line) + splitter.end() == [("", b'{"a": 1}')]
