"""A long stream is replayed in slices, between which others run."""

from __future__ import annotations

from typing import Any, cast

import pytest

from app.domain.stream.deltas import Finished, Text
from app.schemas.wire.event_lines import encode
from app.services.responses.replays import AT_ONCE, StreamReplays
from app.store.responses.base import ResponseStore
from tests.domain.narrating import narrated
from tests.domain.test_replay import cuts_of, decode, lines, response_of


class Kept:
    """A store with one stream."""

    def __init__(self, turn: Any, cuts: bytes) -> None:
        self._turn, self._cuts = turn, cuts

    def stream_cuts(self, *_: object) -> bytes:
        return self._cuts

    def get(self, *_: object) -> Any:
        return self._turn


@pytest.mark.parametrize("count", [10, 1000])
def test_others_run_after_each_slice_of_a_replay(count: int) -> None:
    events = narrated([Text("word ") for _ in range(count)] + [Finished()])
    pauses: list[int] = []
    replays = StreamReplays(
        cast(ResponseStore, None), encode, decode, lambda: lambda: pauses.append(1)
    )
    sent = [
        line for batch in replays.lines_of(response_of(events), cuts_of(events)) for line in batch
    ]
    assert sent == lines(events)
    assert len(pauses) == 1 + (len(events) - 1) // AT_ONCE


def test_others_run_while_what_has_been_read_is_passed_over() -> None:
    events = narrated([Text("word ") for _ in range(1000)] + [Finished()])
    pauses: list[int] = []
    turn = type("Turn", (), {"response": response_of(events), "include": ()})
    store = cast(ResponseStore, Kept(turn, cuts_of(events)))
    replays = StreamReplays(store, encode, decode, lambda: lambda: pauses.append(1))
    caller = type("Of", (), {"account": "acme", "content_key": None})
    read = replays.lines(cast(Any, caller), "resp_" + "0" * 48, len(events) - 3)
    assert [line for batch in read for line in batch] == lines(events)[-2:]
    assert len(pauses) == 1 + (len(events) - 1) // AT_ONCE
