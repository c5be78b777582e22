"""A look at a running response reads what is new."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import pytest

from app.domain.items import output_text
from app.domain.response import Response
from app.domain.slices import MOMENT_S
from app.domain.stream.deltas import Text
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.errors import StorageUnavailable
from app.schemas.wire.event_lines import decode, encode
from app.services.background.finisher import stored_events
from app.services.background.progress import SLICE_EVENTS, Progress
from app.store.jobs.base import JobStore, StreamPart

PAGE = 3


class Stream:
    """A store with streams that grow; `read` are the lines that were asked for."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.read = 0
        self.away = False

    def read_events(self, _response_id: str, number: int, _key: object = None) -> StreamPart:
        if self.away:
            raise StorageUnavailable("away")
        page = self.lines[number : number + PAGE]
        self.read += len(page)
        return StreamPart(page, more=number + PAGE < len(self.lines))

    def decode(self, line: bytes) -> Event:
        return decode(line)

    def write(self, events: list[Event]) -> None:
        self.lines += map(encode, events)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def narrator(stream: Stream) -> Narrator:
    ids = count()
    narrator = Narrator(
        Response("resp_1", "m", 0, {}, "queued"), lambda prefix: f"{prefix}_{next(ids)}", int
    )
    stream.write(narrator.begin())
    return narrator


def text(progress: Progress, response_id: str = "resp_1") -> str:
    response = progress.response(response_id)
    assert response is not None
    return output_text(response.output)


def progress_of(stream: Stream, **bounds: Any) -> Progress:
    return Progress(cast(JobStore, stream), **bounds)


def test_each_event_is_read_once(stream: Stream, narrator: Narrator) -> None:
    progress, seen = progress_of(stream), []
    for word in ("a", "b", "c"):
        stream.write(narrator.hear([Text(word)]))
        seen.append(text(progress))
    assert (seen, stream.read) == (["a", "ab", "abc"], len(stream.lines))


def test_others_get_a_turn_while_much_is_read(stream: Stream, narrator: Narrator) -> None:
    pauses: list[float] = []
    progress = progress_of(stream, pause=pauses.append)
    stream.write(narrator.hear([Text("a")] * 3 * SLICE_EVENTS))
    progress.response("resp_1")
    assert pauses == [MOMENT_S] * 3


def test_a_response_that_told_nothing_is_none(stream: Stream) -> None:
    assert progress_of(stream).response("resp_1") is None


def test_its_end_is_seen_too(stream: Stream, narrator: Narrator) -> None:
    progress = progress_of(stream)
    progress.response("resp_1")
    stream.write(narrator.cancel())
    response = progress.response("resp_1")
    assert response is not None
    assert response.status == "cancelled"


def test_a_store_that_was_away_costs_nothing(stream: Stream, narrator: Narrator) -> None:
    progress = progress_of(stream)
    stream.write(narrator.hear([Text("a")]))
    progress.response("resp_1")
    stream.write(narrator.hear([Text("b")]))
    stream.away = True
    with pytest.raises(StorageUnavailable):
        progress.response("resp_1")
    stream.away = False
    assert (text(progress), stream.read) == ("ab", len(stream.lines))


@pytest.mark.parametrize("bounds", [{"max_cached": 1}, {"max_characters": 600}])
def test_the_cache_has_bounds(stream: Stream, narrator: Narrator, bounds: dict[str, int]) -> None:
    progress = progress_of(stream, **bounds)
    stream.write(narrator.hear([Text("a" * 500)]))
    assert [text(progress, each) for each in ("resp_1", "resp_2", "resp_1")] == ["a" * 500] * 3
    assert stream.read == 3 * len(stream.lines)


def test_a_long_stream_is_read_whole_to_end_it(stream: Stream, narrator: Narrator) -> None:
    stream.write(narrator.hear([Text("a")] * 3 * PAGE))
    events = stored_events(cast(JobStore, stream), "resp_1")
    assert list(map(encode, events)) == stream.lines


def test_what_is_forgotten_is_read_anew(stream: Stream, narrator: Narrator) -> None:
    progress = progress_of(stream)
    stream.write(narrator.hear([Text("a")]))
    for _ in range(2):
        assert text(progress) == "a"
        progress.forget("resp_1")
    assert stream.read == 2 * len(stream.lines)
