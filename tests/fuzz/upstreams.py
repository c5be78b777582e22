"""What servers sent, and what mutation makes of it: counts at the edges, many calls, odd pieces."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.contract.recordings import Recording, recordings
from tests.fuzz.bodies import paths

RECORDINGS = list(recordings())
STREAMED = [each for each in RECORDINGS if each.sse]
WHOLE = [each for each in RECORDINGS if each.body is not None]

#: What may stand where a count is expected, as JSON.
COUNTS: tuple[bytes, ...] = (
    *(b"0", b"1", b"-1", b"1.0", b"1.5", b"-0.0", b"1e300", b"1e-300", b"true", b"null"),
    *(str(10**9 + more).encode() for more in (-1, 0, 1)),
    *(str(2**bits + more).encode() for bits in (31, 32, 53, 63, 64) for more in (-1, 0, 1)),
    *(str(-(2**bits)).encode() for bits in (31, 63, 64)),
    *(b"1" * 40, b'"12"', b'"-5"', b'"1e9"', b'"x"', b'""', b"[]", b"{}"),
)
counts = st.sampled_from(COUNTS)
_odd: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1.5, "", "x", [], [None], [{}], {}, {"type": "text"}]
    ),
    st.sampled_from([2**53, 10**9 + 1, "\x00", "\u2028", "😀", "data: [DONE]", "\n\ndata: {}\n\n"]),
    st.sampled_from(["tool_calls", "stop", "error", "function_call", "message", "x" * 70_000]),
    st.text(max_size=8),
    st.integers(),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)
_junk = st.sampled_from(
    [
        *(b"", b"\n", b"\r\n", b"data:", b"data: \n\n", b": comment\n\n", b"data: null\n\n"),
        *(b"event: ping\n\n", b"data: []\n\n", b'data: "x"\n\n', b"data: {\n\n", b"\xff\xfe"),
        *(b"data: [DONE]\n\n", b"<html>", b"\x00", b"retry: 1\n", b"id: \x00\n\n"),
        b'data: {"error":{"message":"x","code":7}}\n\n',
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
    ]
)
_COUNTERS = (b"tokens", b"token_count", b"total")


def frames_of(recording: Recording) -> list[bytes]:
    """Return the frames of a stream, each with its blank line."""
    return [frame + b"\n\n" for frame in (recording.sse or b"").split(b"\n\n") if frame]


def dumped(value: Any) -> bytes:
    """Return JSON of any value, integers beyond 64 bits too."""
    return json.dumps(value).encode()


@st.composite
def mutated_streams(draw: st.DrawFn) -> tuple[Recording, list[bytes]]:
    """Return a recorded stream with a few of its frames changed, cut where no frame ends."""
    recording = draw(st.sampled_from(STREAMED))
    frames = frames_of(recording)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(frames) - 1)))
        match draw(st.sampled_from(["lose", "double", "swap", "junk", "splice", "odd", "cut"])):
            case "lose":
                del frames[at : at + 1]
            case "double":
                frames[at:at] = frames[at : at + 1]
            case "swap":
                frames[at : at + 2] = reversed(frames[at : at + 2])
            case "junk":
                frames.insert(at, draw(_junk))
            case "splice":
                other = frames_of(draw(st.sampled_from(STREAMED)))
                frames[at:at] = other[: draw(st.integers(0, 5))]
            case "odd":
                frames[at : at + 1] = [_with_odd(draw, each) for each in frames[at : at + 1]]
            case _:
                del frames[at:]
    return recording, _pieces(draw, b"".join(frames))


@st.composite
def mutated_answers(draw: st.DrawFn) -> tuple[Recording, bytes]:
    """Return a recorded whole answer with one to three of its values odd, or gone."""
    recording = draw(st.sampled_from(WHOLE))
    body = orjson.loads(recording.body or b"")
    for _ in range(draw(st.integers(1, 3))):
        body = _changed(draw, body)
    return recording, dumped(body)


@st.composite
def counted(draw: st.DrawFn) -> tuple[Recording, list[bytes], bool]:
    """Return an answer, streamed or whole, whose counts of tokens are at some edge."""
    streamed = draw(st.booleans())
    recording = draw(st.sampled_from(STREAMED if streamed else WHOLE))
    raw = (recording.sse if streamed else recording.body) or b""
    lines = raw.split(b"\n")
    for number, line in enumerate(lines):
        if any(word in line for word in _COUNTERS):
            lines[number] = _recounted(draw, line)
    return recording, [b"\n".join(lines)], streamed


def _recounted(draw: st.DrawFn, line: bytes) -> bytes:
    head, found, data = line.partition(b"{")
    try:
        value = orjson.loads(found + data)
    except ValueError:
        return line
    marks: dict[bytes, bytes] = {}
    for path in list(paths(value)):
        if "token" in str(path[-1]) and isinstance(_at(value, path), int):
            mark = b'"@%d@"' % len(marks)
            marks[mark] = draw(counts)
            _put(value, path, mark.decode().strip('"'))
    written = orjson.dumps(value)
    for mark, count in marks.items():
        written = written.replace(mark, count)
    return head + written


def _with_odd(draw: st.DrawFn, frame: bytes) -> bytes:
    head, found, data = frame.rstrip(b"\n").partition(b"data: {")
    try:
        event = orjson.loads(b"{" + data)
    except ValueError:
        return frame
    changed = dumped(_changed(draw, event))
    return head + b"data: " + changed + b"\n\n" if found else frame


def _changed(draw: st.DrawFn, value: Any) -> Any:
    value = deepcopy(value)
    places = list(paths(value))
    if places:
        path = draw(st.sampled_from(places))
        if draw(st.booleans()):
            _put(value, path, draw(_odd))
        else:
            *above, last = path
            del _at(value, tuple(above))[last]
    return value


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    *above, last = path
    _at(value, tuple(above))[last] = new


def _pieces(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    return [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
