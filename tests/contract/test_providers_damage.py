"""Whatever an upstream sends, what is told of it is a legal stream that ends."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.recordings import Recording, outcome, play, recordings

RECORDINGS = list(recordings())
STREAMED = [each for each in RECORDINGS if each.sse]
WHOLE = [each for each in RECORDINGS if each.body is not None]
#: What stands where something else is expected.
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], [None], [{}], {}, {"type": "text"}, {"type": 7}]
)


def damaged(value: Any, odd: Any, at: int) -> Any:
    """Return JSON with its `at`-th value, counted depth first, replaced."""
    places = list[tuple[Any, Any]]()

    def walk(inner: Any) -> None:
        pairs = list(inner.items()) if isinstance(inner, dict) else []
        pairs += list(enumerate(inner)) if isinstance(inner, list) else []
        for key, child in pairs:
            places.append((inner, key))
            walk(child)

    walk(value)
    if places:
        holder, key = places[at % len(places)]
        holder[key] = odd
    return value


@settings(deadline=None)
@given(
    recording=st.sampled_from(STREAMED),
    gone=st.sets(st.integers(0, 40), max_size=3),
    twice=st.sets(st.integers(0, 40), max_size=2),
    swapped=st.none() | st.integers(0, 40),
)
def test_frames_may_be_lost_doubled_or_swapped(
    recording: Recording, gone: set[int], twice: set[int], swapped: int | None
) -> None:
    frames = (recording.sse or b"").split(b"\n\n")
    if swapped is not None and swapped + 1 < len(frames):
        frames[swapped], frames[swapped + 1] = frames[swapped + 1], frames[swapped]
    found = [
        frame for at, frame in enumerate(frames) if at not in gone for _ in range(1 + (at in twice))
    ]
    outcome(play(recording.api, [frame + b"\n\n" for frame in found], stream=True))


@settings(deadline=None)
@given(
    recording=st.sampled_from(STREAMED), frame=st.integers(0, 40), at=st.integers(0, 60), odd=ODD
)
def test_any_value_of_an_event_may_be_odd(
    recording: Recording, frame: int, at: int, odd: Any
) -> None:
    frames = (recording.sse or b"").split(b"\n\n")
    head, found, data = frames[frame % len(frames)].partition(b"data: {")
    if found and b"\n" not in data:
        try:
            event = orjson.loads(b"{" + data)
        except ValueError:
            return
        frames[frame % len(frames)] = head + b"data: " + orjson.dumps(damaged(event, odd, at))
    outcome(play(recording.api, [each + b"\n\n" for each in frames], stream=True))


@settings(deadline=None)
@given(recording=st.sampled_from(WHOLE), at=st.integers(0, 80), odd=ODD)
def test_any_value_of_a_body_may_be_odd(recording: Recording, at: int, odd: Any) -> None:
    body = damaged(orjson.loads(recording.body or b""), odd, at)
    outcome(play(recording.api, [orjson.dumps(body)], stream=False))


@pytest.mark.parametrize("written", [rb'"\2"', rb"\2.0"], ids=["text", "float"])
@pytest.mark.parametrize("recording", STREAMED, ids=lambda each: each.name)
def test_places_may_be_numbers_of_another_kind(recording: Recording, written: bytes) -> None:
    sent = recording.sse or b""
    other = re.sub(rb'("(?:output_|content_|summary_)?index":\s*)([0-9]+)', rb"\1" + written, sent)
    shown, expected = (
        outcome(play(recording.api, [each], stream=True, **recording.request))
        for each in (other, sent)
    )
    assert shown == expected
