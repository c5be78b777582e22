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
from app.domain.stream.call_events import CommandDelta
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished, Text, Thought
from app.domain.stream.events import Event, Lifecycle
from app.domain.stream.replay.cuts import StreamCuts, may_outlast
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


def call(kind: str, *pieces: str) -> list[Event]:
    """Return the stream of one call of a built-in tool, whose JSON comes in pieces."""
    opened = CallOpened("k", "call_1", kind, built_in=kind)
    return narrated([opened, *(Arguments("k", each) for each in pieces), Finished()])


BUILT_IN = {
    "shell": ("shell", '{"commands": [', '"ls ', '-l", "p', 'wd"], "timeout_ms": 5}'),
    "patch": (
        "apply_patch",
        '{"operation": {"type": "update_file", ',
        '"path": "a.py", "diff": "@@',
        "\\n-old",
        '\\n+new"}}',
    ),
    "deletion": ("apply_patch", '{"operation": {"type": "delete_file", "path": "a.py"}}'),
    "local shell": ("local_shell", '{"command": ["ls"]}'),
    "search": ("tool_search", '{"queries": ["sun"]}'),
    "cut short": ("shell", '{"commands": ["ls'),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_calls_of_built_in_tools_take_three_bytes_an_event(name: str) -> None:
    events = call(*BUILT_IN[name])
    cuts = cuts_of(events)
    assert lines(remade(response_of(events), cuts, decode)) == lines(events)
    assert len(cuts) <= 3 * len(events)


def test_a_call_that_says_another_thing_at_its_end_is_kept_as_it_was_sent() -> None:
    events = [
        replace(each, delta="cd") if isinstance(each, CommandDelta) else each
        for each in call("shell", '{"commands": ["ls"]}')
    ]
    assert lines(remade(response_of(events), cuts_of(events), decode)) == lines(events)
    assert b"shell_call_command" in cuts_of(events)


def test_a_stream_says_whether_it_could_outlast_its_caller() -> None:
    cuts, events = StreamCuts(encode), narrated([Text("so"), Finished()])
    cuts.note_outlasting()
    cuts.add(events)
    assert may_outlast(bytes(cuts))
    assert not may_outlast(cuts_of(events))
    assert lines(remade(response_of(events), bytes(cuts), decode)) == lines(events)
