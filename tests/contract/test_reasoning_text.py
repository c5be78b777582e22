"""The text of a model's reasoning, where its provider is said to show it as such (A3)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import pytest

from app.domain.items import Reasoning
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.domain.stream.accumulate import Accumulator, fold
from app.domain.stream.deltas import Delta, PartEnded, Text, Thought
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.stream.replay.remake import remade
from app.domain.stream.resume import resume
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.profiles import profile_of
from app.providers.registry import FORMATS
from app.schemas.wire.echo import echo
from app.schemas.wire.event_lines import decode, encode
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar
from tests.contract.recordings import CannedTransport, play, settings

Json = dict[str, Any]
THOUGHT: Json = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "A sum."}],
    "content": [
        {"type": "reasoning_text", "text": "Six by seven"},
        {"type": "reasoning_text", "text": "is 42."},
    ],
}
SAID = {"type": "message", "content": [{"type": "output_text", "text": "42"}]}
BODY = {"status": "completed", "output": [THOUGHT, SAID]}
OURS = b"reasoning_text"
BEGUN = Response("resp_1", "m", 1, echo(CreateRequest(model="m", input=())))


def of_text(kind: str, index: int, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": 0, "content_index": index, **fields}


def part(end: str, index: int, text: str) -> Json:
    return of_text(f"content_part.{end}", index, part={"type": "reasoning_text", "text": text})


STREAM: list[Json] = [
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"id": "rs_1", "type": "reasoning", "summary": []},
    },
    part("added", 0, ""),
    of_text("reasoning_text.delta", 0, delta="Six by "),
    of_text("reasoning_text.delta", 0, delta="seven"),
    of_text("reasoning_text.done", 0, text="Six by seven"),
    part("done", 0, "Six by seven"),
    part("added", 1, ""),
    of_text("reasoning_text.delta", 1, delta="is 42."),
    of_text("reasoning_text.done", 1, text="is 42."),
    part("done", 1, "is 42."),
    {
        "type": "response.reasoning_summary_text.delta",
        "output_index": 0,
        "summary_index": 0,
        "delta": "A sum.",
    },
    {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    {"type": "response.completed", "response": BODY},
]


def events_of(*, stream: bool, shows: bool, own_name: bytes = OURS) -> list[Event]:
    """Return the events that the server's answer becomes; it calls its reasoning `own_name`."""
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in STREAM)
    frames = frames.replace(b"response.reasoning_text.", b"response.%s." % own_name)
    own = replace(settings("responses"), reasoning_text=shows, profile="openai")
    transport = CannedTransport(own, [frames if stream else orjson.dumps(BODY)])
    provider = HTTPProvider(transport, profile_of(own), FORMATS["responses"])
    request = ModelRequest(model="m", items=(), parameters=Parameters(), stream=stream)
    narrator = narrating()
    events = narrator.begin()
    for batch in provider.answer(request, UpstreamCall(deadline=float("inf"))):
        events += narrator.hear(batch)
    return checked(events + narrator.finish())


def narrating() -> Narrator:
    numbers = count()
    return Narrator(BEGUN, lambda prefix: f"{prefix}_{next(numbers)}", lambda: 2)


def checked(events: list[Event]) -> list[Event]:
    grammar = Grammar()
    for each in events:
        shown = orjson.loads(encode(each))
        assert EVENT.validate(shown) == {}
        grammar.take(shown)
    return events


@pytest.mark.parametrize("stream", [True, False])
def test_it_is_shown_as_what_it_is(stream: bool) -> None:
    (thought, _) = fold(events_of(stream=stream, shows=True)).output
    assert thought == Reasoning("rs_0", ("A sum.",), ("Six by seven", "is 42."))


@pytest.mark.parametrize("stream", [True, False])
def test_it_is_a_summary_by_default(stream: bool) -> None:
    (thought, _) = fold(events_of(stream=stream, shows=False)).output
    assert isinstance(thought, Reasoning)
    assert sorted(thought.summary) == ["A sum.", "Six by seven", "is 42."]
    assert thought.content == ()


def test_its_events_come_as_they_came() -> None:
    kinds = [EVENT.dump(each)["type"] for each in events_of(stream=True, shows=True)]
    own = ["added", "delta", "delta", "done", "done", "added", "delta", "done", "done"]
    shown = [kind for kind in kinds if "part" in kind or "reasoning_text" in kind]
    assert [kind.rpartition(".")[2] for kind in shown[: len(own)]] == own
    assert shown[0] == "response.content_part.added"
    assert shown[1] == "response.reasoning_text.delta"


@pytest.mark.parametrize("own_name", [b"reasoning", b"reasoning_content"])
@pytest.mark.parametrize("shows", [True, False])
def test_its_events_may_be_called_otherwise(own_name: bytes, shows: bool) -> None:
    """Open Responses has `response.reasoning.delta`."""
    shown = [events_of(stream=True, shows=shows, own_name=each) for each in (own_name, OURS)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("delta", ["Hm", {"text": "Hm"}])
@pytest.mark.parametrize("name", ["reasoning", "reasoning_summary"])
def test_pieces_without_an_item_are_reasoning_by_their_name(name: str, delta: Any) -> None:
    pieces = {"type": f"response.{name}.delta", "delta": delta}
    whole = {"type": f"response.{name}.done", "text": "Hm"}
    words = {"type": "response.output_text.delta", "delta": "42"}
    last = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    frames = [b"data: " + orjson.dumps(each) + b"\n\n" for each in (pieces, whole, words, last)]
    (thought, _) = fold(play("responses", frames, stream=True).events).output
    assert isinstance(thought, Reasoning)
    assert thought.summary == ("Hm",)


THINKING: list[Delta] = [Thought("Six by ", is_text=True), Thought("seven", is_text=True)]
MORE: list[Delta] = [PartEnded(), Thought("is 42.", is_text=True), Thought("A sum."), Text("42")]


def test_a_stream_of_it_is_made_again_byte_for_byte() -> None:
    narrator, cuts = narrating(), StreamCuts(encode)
    events = [*narrator.begin(), *narrator.hear([*THINKING, *MORE])]
    events = checked([*events, *narrator.cancel()])
    cuts.add(events)
    assert len(bytes(cuts)) < 2 * len(events)
    again = remade(narrator.response, bytes(cuts), decode)
    assert [encode(each) for each in again] == [encode(each) for each in events]


def test_a_process_that_goes_on_ends_it_in_the_same_way() -> None:
    narrator, accumulator = narrating(), Accumulator()
    events = [*narrator.begin(), *narrator.hear(THINKING)]
    for each in events:
        accumulator.add(each)
    assert accumulator.output == (Reasoning("rs_0", (), ("Six by seven",)),)
    stored = [decode(encode(each)) for each in events]
    assert resume(BEGUN, stored, None, lambda: 2).cancel() == narrator.cancel()
