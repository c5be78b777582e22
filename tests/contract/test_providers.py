"""Every recording through its provider: however it came, it is told as the same response."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schemas.wire.events import EVENT
from tests.contract.recordings import FOLDER, Recording, outcome, play, recordings

RECORDINGS = list(recordings())
STREAMED = [each for each in RECORDINGS if each.sse is not None]
WHOLE = [each for each in RECORDINGS if each.body is not None]
#: Byte by byte, every cut inside a character and between CR and LF is among them.
SIZES = (1, 2, 7, 1000, 1_000_000)


def _name(recording: Recording) -> str:
    return recording.name


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("recording", WHOLE, ids=_name)
def test_a_whole_answer_is_told_as_expected(recording: Recording) -> None:
    telling = play(recording.api, [recording.body or b""], stream=False, **recording.request)
    assert outcome(telling) == recording.expected


# MEASURED: with each size as a test of its own this file takes a fifth longer.
@pytest.mark.parametrize("recording", STREAMED, ids=_name)
def test_a_streamed_answer_is_told_as_expected_wherever_the_reads_cut_it(
    recording: Recording,
) -> None:
    for size in SIZES:
        pieces = _cut(recording.sse or b"", size)
        telling = play(recording.api, pieces, stream=True, **recording.request)
        assert outcome(telling) == recording.expected, f"in reads of {size} bytes"


@pytest.mark.parametrize("recording", STREAMED, ids=_name)
def test_a_streamed_answer_is_told_the_same_where_its_text_is_relayed(recording: Recording) -> None:
    for size in (7, 150):
        pieces = _cut(recording.sse or b"", size)
        relayed, wanted = (
            play(recording.api, pieces, stream=True, relayed=relayed, **recording.request)
            for relayed in (True, False)
        )
        assert list(map(EVENT.dump, relayed.events)) == list(map(EVENT.dump, wanted.events))
        assert outcome(relayed) == recording.expected, f"in reads of {size} bytes"


@settings(deadline=None)
@given(recording=st.sampled_from(STREAMED), seed=st.integers(0, 2**32))
def test_a_streamed_answer_is_told_as_expected_in_random_reads(
    recording: Recording, seed: int
) -> None:
    rest, pieces = recording.sse or b"", list[bytes]()
    sizes = random.Random(seed)  # noqa: S311 - no secret, and it must be repeatable
    while rest:
        size = sizes.randint(1, 60)
        pieces.append(rest[:size])
        rest = rest[size:]
    telling = play(recording.api, pieces, stream=True, **recording.request)
    assert outcome(telling) == recording.expected


@pytest.mark.parametrize("recording", STREAMED, ids=_name)
def test_a_whole_answer_that_was_streamed_to_us_is_told_as_expected_or_not_at_all(
    recording: Recording,
) -> None:
    pieces = [recording.sse or b""]
    result = outcome(play(recording.api, pieces, stream=False, whole=False, **recording.request))
    if "error" in recording.expected:
        assert (result["status"], result["output"]) == ("failed", [])
    else:
        assert result == recording.expected


@pytest.mark.parametrize(
    "recording", [each for each in RECORDINGS if each.case == "logprobs"], ids=_name
)
@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_that_are_not_included_are_not_told(
    recording: Recording, *, stream: bool
) -> None:
    pieces = [(recording.sse if stream else recording.body) or b""]
    telling = play(recording.api, pieces, stream=stream, include=())
    (text,) = outcome(telling)["output"][0]["message"]
    assert text == recording.expected["output"][0]["message"][0]["text"]


def test_every_file_belongs_to_a_case() -> None:
    used = {each.name for each in RECORDINGS}
    files = {f"{file.parent.name}-{file.stem}" for file in FOLDER.glob("*/*.*")}
    assert files == used | {f"{each.api}-expected" for each in RECORDINGS}
