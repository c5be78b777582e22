"""What an upstream answers, and what of it callers are sent: items, annotations, events.

Servers that speak Responses are made to send each thing that the SDK knows. The other formats send
what they can: what callers get of that is found by letting them say all they have.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import orjson
from openai.types.responses.response_output_item import ResponseOutputItem
from openai.types.responses.response_output_text import Annotation
from openai.types.responses.response_stream_event import ResponseStreamEvent

from app.factory import create_worker
from app.jobs.process import Channel
from tests.compat import sdk, values
from tests.compat.gateway import COLUMNS, Column, Gateway
from tests.compat.members import ASKED, SAID, USER, tools
from tests.compat.probing import Verdict
from tests.compat.sdk import Json
from tests.contract.recordings import recordings
from tests.upstream.frames import event
from tests.upstream.script import Call, Script

#: The tools that are understood here, which the model calls.
_TOOLS = ("function", "custom", "local_shell", "shell", "apply_patch", "tool_search")
_CALLS = (
    Call(name="other"),
    Call(name="patch", arguments='{"input": "a b"}'),
    Call(name="local_shell", arguments='{"command": ["ls"], "env": {}}'),
    Call(name="shell", arguments='{"commands": ["ls"]}'),
    Call(
        name="apply_patch",
        arguments='{"operation": {"type": "create_file", "path": "a", "diff": "+b"}}',
    ),
    Call(name="tool_search", arguments='{"a": "b"}'),
)
_RUNS = (
    Script(reasoning="Hm.", say="Hello."),
    Script(refusal="No."),
    Script(calls=_CALLS),
    Script(say="Hello.", finish="length"),
    Script(say="Hello.", error_after=1),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What callers were sent, by type."""

    items: set[str]
    annotations: set[str]
    events: set[str]


def answered(gateway: Gateway) -> Iterator[tuple[str, str, tuple[Verdict, ...]]]:
    """Yield the verdict on each thing that an answer can have, by its group and name."""
    queued = _background_events(Gateway(gateway.settings.redis.url, "compat-background:"))
    by_column = [_sent(gateway, column) for column in COLUMNS]
    for group, kinds, attribute in (
        ("Items of output", sdk.by_type(ResponseOutputItem), "items"),
        ("Annotations", sdk.by_type(Annotation), "annotations"),
        ("Stream events", sdk.by_type(ResponseStreamEvent), "events"),
    ):
        for name in kinds:
            seen = [name in getattr(sent, attribute) or name in queued for sent in by_column]
            yield group, name, tuple(_verdict(seen, index) for index in range(len(COLUMNS)))


def _verdict(seen: list[bool], index: int) -> Verdict:
    column = COLUMNS[index]
    if not seen[index]:
        return "left out" if column.settings.api == "responses" else "absent"
    titles = [each.title for each in COLUMNS]
    is_plain = column.plain is None or seen[titles.index(column.plain)]
    return "honoured" if is_plain else "forwarded"


def _sent(gateway: Gateway, column: Column) -> Sent:
    """Return what callers get of all that an upstream says."""
    sent = Sent(set(), set(), set())
    bed = gateway.beds[column.settings.name]
    usual = bed.script
    known = tools()
    body: Json = {"input": "Hi", "tools": [known[name] for name in _TOOLS]}
    for bed.script in _RUNS:
        _take(gateway, column, body, sent)
    bed.script = usual
    compacted = {"input": [USER, SAID, ASKED, {"type": "compaction_trigger"}]}
    _take(gateway, column, compacted, sent)
    played = [
        [each.sse]
        for each in recordings()
        if each.api == column.settings.api and each.sse and "error" not in each.expected
    ]
    if column.settings.api == "responses":
        played += _sampled()
    asking = {"input": "Hi", "tools": [known["function"]]}
    passed = [known[name] for name in column.settings.hosted_tools if name in known]
    for bed.pieces in played:
        _take(gateway, column, asking | {"tools": [*asking["tools"], *passed]}, sent)
    bed.pieces = []
    return sent


def _take(gateway: Gateway, column: Column, body: Json, sent: Sent) -> None:
    """Ask for a stream, and note what came."""
    model = f"{column.settings.name}/{column.models[0]}"
    reply = gateway.call("POST", "/v1/responses", body | {"model": model, "stream": True})
    for each in _events(reply.get_data(as_text=True)):
        sent.events.add(each["type"])
        if each["type"] == "response.output_item.done":
            sent.items.add(each["item"]["type"])
            for part in each["item"].get("content") or ():
                sent.annotations.update(note["type"] for note in part.get("annotations", ()))


def _events(text: str) -> Iterator[Json]:
    for line in text.split("\n"):
        if line.startswith("data: {"):
            yield orjson.loads(line.removeprefix("data: "))


def _sampled() -> Iterator[list[bytes]]:
    """Yield a stream for each item, annotation and event of the SDK's."""
    items = {name: _done(kind, name) for name, kind in sdk.by_type(ResponseOutputItem).items()}
    for item in items.values():
        yield _stream(item, [])
    for kind in sdk.by_type(Annotation).values():
        yield _stream(_message(sdk.least(kind)), [])
    for name, kind in sdk.by_type(ResponseStreamEvent).items():
        stem = name.removeprefix("response.")
        of_item = max((each for each in items if stem.startswith(each)), key=len, default="")
        if of_item or stem.startswith("audio"):
            item = items[of_item] if of_item else _message()
            yield _stream(item, [sdk.least(kind) | {"output_index": 0, "item_id": item["id"]}])


def _done(kind: type, name: str) -> Json:
    item = sdk.least(kind) | {"type": name} | values.ITEMS.get(name, {})
    whole = item | {"id": f"{name}_1", "status": "completed"}
    return _message() if name == "message" else whole


def _message(*annotations: Json) -> Json:
    part = {"type": "output_text", "text": "Hello.", "annotations": [*annotations], "logprobs": []}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def _stream(item: Json, between: list[Json]) -> list[bytes]:
    """Return the events of an answer that is one item, and a message behind it."""
    output = [item, _message() | {"id": "msg_2"}]
    ended = {"id": "resp_1", "status": "completed", "output": output}
    begun = ended | {"status": "in_progress", "output": []}
    events: list[Json] = [{"type": "response.created", "response": begun}]
    for index, each in enumerate(output):
        place = {"output_index": index, "item": each}
        opened = place | {"item": each | {"status": "in_progress"}}
        events.append({"type": "response.output_item.added"} | opened)
        events += between if index == 0 else []
        events.append({"type": "response.output_item.done"} | place)
    events.append({"type": "response.completed", "response": ended})
    return [event(each | {"sequence_number": at}) for at, each in enumerate(events)]


def _background_events(gateway: Gateway) -> set[str]:
    """Return the types of the events of a response that was made in the background.

    The gateway must have no other jobs: the worker takes the first.
    """
    body = {"model": "local/echo", "input": "Hi", "background": True}
    made = gateway.call("POST", "/v1/responses", body).get_json()["id"]
    works: list[Any] = []
    ends = socket.socketpair()
    with patch("app.factory.worker.declare", lambda _broker, work: works.append(work)):
        create_worker(gateway.settings, Channel(ends[0]))
    works[0]()
    for end in ends:
        end.close()
    reply = gateway.call("GET", f"/v1/responses/{made}?stream=true")
    return {each["type"] for each in _events(reply.get_data(as_text=True))}
