"""A stream is made again, event by event, of its response and of where it was cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.items import Reasoning
from app.domain.response import Response
from app.domain.stream.deltas import Delta, Finished, Text, Thought
from app.domain.stream.events import Event, Lifecycle
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.stream.replay.remake import remade
from app.schemas.wire.event_lines import encode
from app.schemas.wire.events import EVENT
from tests.domain.narrating import narrated, narrator
from tests.domain.strategies import deltas, endings


def decode(line: bytes) -> Event:
    event: Event = EVENT.load(orjson.loads(line))
    return event


def cuts_of(events: list[Event]) -> bytes:
    cuts = StreamCuts(encode)
    cuts.add(events)
    return bytes(cuts)


def lines(events: Any) -> list[bytes]:
    return [encode(event) for event in events]


def response_of(events: list[Event]) -> Response:
    last = events[-1]
    assert isinstance(last, Lifecycle)
    return last.response


@given(st.lists(st.one_of(deltas, endings.filter(bool)), max_size=30))
def test_the_events_are_the_same_byte_for_byte(said: list[Delta]) -> None:
    events = narrated(said)
    again = remade(response_of(events), cuts_of(events), decode)
    assert lines(again) == lines(events)


@pytest.mark.parametrize("length", [1, 127, 128, 20_000, 3_000_000])
def test_a_delta_of_any_length_is_cut_out_again(length: int) -> None:
    piece, logprobs = "é" * length, ({"token": "é", "logprob": -0.5, "bytes": None},)
    said: list[Delta] = [
        Text(piece),
        Text("x", logprobs),
        Text("", logprobs),
        Text(piece),
        Finished(),
    ]
    events = narrated([*said, Finished()])
    assert lines(remade(response_of(events), cuts_of(events), decode)) == lines(events)


def test_an_event_takes_a_byte() -> None:
    events = narrated([Text("word ") for _ in range(1000)] + [Finished()])
    assert len(cuts_of(events)) < 1000 + 32


def test_a_payload_that_was_not_sent_is_not_sent_again() -> None:
    events = narrated([Thought("hm"), Text("so"), Finished()])
    response = response_of(events)
    kept = replace(
        response,
        output=tuple(
            replace(item, encrypted_content="sealed") if isinstance(item, Reasoning) else item
            for item in response.output
        ),
    )
    assert lines(remade(kept, cuts_of(events), decode)) == lines(events)


def test_a_cancelled_stream_ends_as_it_was_stored() -> None:
    teller = narrator()
    events = [*teller.begin(), *teller.hear([Text("so")]), *teller.cancel()]
    assert lines(remade(teller.response, cuts_of(events), decode)) == lines(events)


def test_the_cuts_of_another_response_are_refused() -> None:
    events = narrated([Text("so"), Finished()])
    with pytest.raises(ValueError, match="another response"):
        list(remade(response_of(narrated([Finished()])), cuts_of(events), decode))
