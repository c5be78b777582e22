"""Items of tools that a server runs itself, read off its stream, and odd events in them (P2)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.stream.deltas import Delta, Finished, HostedEnded, HostedOpened, MessageOpened
from app.errors import UpstreamUnavailable
from app.providers.openai_responses.reader import ResponsesReader

Json = dict[str, Any]

ITEM: Json = {"id": "dream_1", "type": "dream_call", "status": "completed"}
PLACE: Json = {"output_index": 0, "item_id": "dream_1", "content_index": 0}
TEXT: Json = {"type": "output_text", "text": "sheep"}


def read(*inside: Json) -> list[Delta]:
    """Return what is read of a stream with one such item, and these events inside it."""
    notes: list[str] = []
    reader = ResponsesReader(
        lambda _: UpstreamUnavailable("failed"),
        note=lambda kind, *_: notes.append(kind),
        carries=True,
    )
    events: list[Json] = [
        {"type": "response.output_item.added", **PLACE, "item": ITEM | {"status": "in_progress"}},
        *inside,
        {"type": "response.output_item.done", **PLACE, "item": ITEM},
        {"type": "response.completed", "response": {"status": "completed", "output": [ITEM]}},
    ]
    deltas: list[Delta] = []
    for event in events:
        reader.event(event, deltas)
    assert len(notes) == len(inside)
    return deltas


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta", **PLACE, "delta": "sheep"},
        {"type": "response.output_text.delta", "item_id": "dream_1", "delta": "sheep"},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "sheep"},
        {"type": "response.output_text.done", **PLACE, "text": "sheep"},
        {"type": "response.refusal.delta", **PLACE, "delta": "no sheep"},
        {"type": "response.content_part.done", **PLACE, "part": TEXT},
        {"type": "response.reasoning_text.delta", **PLACE, "delta": "sheep"},
        {"type": "response.reasoning_summary_text.delta", **PLACE, "delta": "sheep"},
    ],
    ids=lambda event: f"{event['type']} {len(event)}",
)
def test_what_other_items_have_makes_no_other_item_of_a_hosted_one(event: Json) -> None:
    kinds = [type(each) for each in read(event)]
    assert kinds == [HostedOpened, HostedEnded, Finished]


def test_a_text_of_another_id_at_its_place_is_a_message() -> None:
    reader = ResponsesReader(lambda _: UpstreamUnavailable("failed"), carries=True)
    deltas: list[Delta] = []
    reader.event({"type": "response.output_item.added", **PLACE, "item": ITEM}, [])
    text = {"type": "response.output_text.delta", "output_index": 0, "item_id": "msg_1"}
    reader.event(text | {"delta": "Hello"}, deltas)
    assert MessageOpened in map(type, deltas)


def test_what_a_search_of_the_server_has_found_has_no_secrets() -> None:
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example"}
    secrets = {"server_url": "https://crm.example/token", "authorization": "token"}
    item = {"id": "tso_1", "type": "tool_search_output", "execution": "server"}
    sent = item | {"tools": [server | secrets]}
    reader = ResponsesReader(lambda _: UpstreamUnavailable("failed"), carries=True)
    deltas: list[Delta] = []
    for kind in ("added", "done"):
        event = {"type": f"response.output_item.{kind}", "output_index": 0, "item": sent}
        reader.event(event, deltas)
    kept = item | {"tools": [server]}
    assert deltas == [HostedOpened("0", kept, "tso_1"), HostedEnded("0", kept)]
