"""The cases of Open Responses' compliance suite over HTTP, by the schemas that it publishes.

Each answer, and each event of a stream, is held to its schema; the words of the requests are ours.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from openresponses_types import types
from task import TASK, run

Json = dict[str, Any]
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUB"
    "AScY42YAAAAASUVORK5CYII="
)
FILE = "data:application/pdf;base64,JVBERi0xLjEKJSVFT0Y="


def events() -> Mapping[str, Any]:
    """Return the schema of each event by its type."""
    found = {}
    for name, each in vars(types).items():
        if name.endswith("StreamingEvent"):
            (kind,) = each.model_fields["type"].annotation
            found[getattr(kind, "value", kind)] = each
    return found


EVENTS = events()


def post(path: str, body: Json) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    request = urllib.request.Request(  # noqa: S310 - the gateway's own address
        f"{TASK.base_url}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {TASK.api_key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def said(role: str, content: Any) -> Json:
    """Return a message."""
    return {"type": "message", "role": role, "content": content}


def response(body: Json) -> Json:
    """Return a response that keeps to the schema."""
    status, raw = post("/responses", body | {"stream": False})
    return held(status, json.loads(raw))


def held(status: int, shown: Json) -> Json:
    """Hold a response to the schema, and to having an output.

    Raises:
        ValueError: it does not keep to it.
    """
    if status != 200:
        raise ValueError(f"{status}: {shown}")
    types.ResponseResource.model_validate(shown)
    if not shown["output"]:
        raise ValueError("there is no output")
    return shown


def completed(body: Json) -> Json:
    """Return a response that is completed, too."""
    shown = response(body)
    if shown["status"] != "completed":
        raise ValueError(f"its status is {shown['status']}")
    return shown


def streamed(body: Json) -> None:
    """Hold a stream to the schemas of its events."""
    status, raw = post("/responses", body | {"stream": True})
    ended: Json = {}
    frames = raw.decode().strip().split("\n\n")
    if status != 200 or frames[-1] != "data: [DONE]":
        raise ValueError(f"{status}: {frames[-1]}")
    for frame in frames[:-1]:
        named, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        if named != f"event: {event['type']}":
            raise ValueError(f"{named} is {event['type']}")
        EVENTS[event["type"]].model_validate(event)
        ended = event
    if ended["type"] != "response.completed":
        raise ValueError(f"it ends with {ended['type']}")
    held(200, ended["response"])


def called(shown: Json) -> Json:
    """Return the function call of a response."""
    (call,) = (item for item in shown["output"] if item["type"] == "function_call")
    return call


def cases(model: str) -> Iterator[str]:
    """Go through the cases; yield the name of each that is as it should be."""
    asked = {"model": model}
    hello = said("user", "Say hello.")
    completed(asked | {"input": [hello]})
    yield "basic-response"
    streamed(asked | {"input": [hello]})
    yield "streaming-response"
    completed(asked | {"input": [said("system", "You are a pirate."), hello]})
    yield "system-prompt"
    called(response(asked | {"input": [said("user", "And in Rome?")], "tools": [WEATHER]}))
    yield "tool-calling"
    choice = {"type": "function", "name": "get_weather"}
    first = response(asked | {"input": "And in Oslo?", "tools": [WEATHER], "tool_choice": choice})
    output = {"type": "function_call_output", "call_id": called(first)["call_id"], "output": "5"}
    completed(asked | {"input": [output], "previous_response_id": first["id"]})
    yield "function-call-roundtrip"
    words = {"type": "input_text", "text": "What is this?"}
    image = {"type": "input_image", "image_url": PIXEL}
    completed(asked | {"input": [said("user", [words, image])]})
    yield "image-input"
    file = {"type": "input_file", "filename": "a.pdf", "file_data": FILE}
    completed(asked | {"input": [said("user", [words, file])]})
    yield "file-input"
    history = [said("user", "I am Alice."), said("assistant", "Hello Alice!"), hello]
    completed(asked | {"input": history})
    yield "multi-turn"
    first = completed(asked | {"input": "The word is papaya."})
    completed(asked | {"input": "Which word?", "previous_response_id": first["id"]})
    yield "previous-response-id"
    status, raw = post("/responses/compact", asked | {"input": history})
    compacted = json.loads(raw)
    types.CompactResource.model_validate(compacted)
    if status != 200 or "compaction" not in {item["type"] for item in compacted["output"]}:
        raise ValueError(f"{status}: {compacted}")
    yield "compact"
    status, raw = post("/responses/compact", {"input": history})
    if status != 400:
        raise ValueError(f"{status}: {raw!r}")
    yield "compact-without-model"


def converse(model: str) -> list[str]:
    """Return the cases that are as they should be; the next one is not, and says why."""
    passed: list[str] = []
    try:
        passed += cases(model)
    except Exception as error:
        raise ValueError(f"after {passed}: {error}") from error
    return passed


run(converse)
