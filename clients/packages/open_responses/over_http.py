"""The cases over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from schemas import check_compaction, check_completed, check_event, check_response
from task import TASK

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


def said(role: str, content: Any, **more: str) -> Json:
    """Return a message."""
    return {"type": "message", "role": role, "content": content, **more}


def compacted(model: str, **more: str) -> Json:
    """Return a compaction of a short conversation that keeps to its schema."""
    history = [said("user", "We begin on Monday."), said("assistant", "On Monday, then.")]
    status, raw = post("/responses/compact", {"model": model, "input": history, **more})
    if status != 200:
        raise ValueError(f"{status}: {raw!r}")
    return check_compaction(json.loads(raw))


def cases(model: str) -> Iterator[str]:
    """Go through the cases; yield the name of each that is as it should be."""
    hello = said("user", "Say hello.")
    _completed(model, [hello])
    yield "basic-response"
    labelled = [
        said("assistant", "I look it up.", phase="commentary"),
        said("assistant", "It is four.", phase="final_answer"),
    ]
    _completed(model, [*labelled, said("user", "Say it again.")])
    yield "assistant-phase"
    # In the suite this case is about its schema alone: a response of its own, and no request.
    _check_phases(_completed(model, [hello]))
    yield "response-output-phase-schema"
    _streamed(model, [hello])
    yield "streaming-response"
    _completed(model, [said("system", "You are a pirate."), hello])
    yield "system-prompt"
    _called(_response(model, [said("user", "And in Rome?")], tools=[WEATHER]))
    yield "tool-calling"
    words = {"type": "input_text", "text": "What is this?"}
    _completed(model, [said("user", [words, {"type": "input_image", "image_url": PIXEL}])])
    yield "image-input"
    _completed(model, [said("user", "I am Alice."), said("assistant", "Hello Alice!"), hello])
    yield "multi-turn"
    compacted(model, prompt_cache_key="open-responses")
    yield "compact-response"
    status, raw = post("/responses/compact", {"input": [hello]})
    if status not in (400, 422):
        raise ValueError(f"{status}: {raw!r}")
    yield "compact-missing-model"


def earlier_cases(model: str) -> Iterator[str]:
    """Go through the cases that stand in other versions of the suite."""
    choice = {"type": "function", "name": "get_weather"}
    first = _response(model, "And in Oslo?", tools=[WEATHER], tool_choice=choice)
    output = {"type": "function_call_output", "call_id": _called(first)["call_id"], "output": "5"}
    _completed(model, [output], previous_response_id=first["id"])
    yield "function-call-roundtrip"
    first = _completed(model, "The word is papaya.")
    _completed(model, "Which word?", previous_response_id=first["id"])
    yield "previous-response-id"
    words = {"type": "input_text", "text": "What is this?"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": FILE}
    _completed(model, [said("user", [words, file])])
    yield "file-input"


def _response(model: str, given: Any, **more: Any) -> Json:
    """Return a response that keeps to the schema."""
    status, raw = post("/responses", {"model": model, "input": given, "stream": False, **more})
    if status != 200:
        raise ValueError(f"{status}: {raw!r}")
    return check_response(json.loads(raw))


def _completed(model: str, given: Any, **more: Any) -> Json:
    """Return a response that is completed, too."""
    return check_completed(_response(model, given, **more))


def _streamed(model: str, given: Any) -> None:
    """Hold a stream to the schemas of its events."""
    status, raw = post("/responses", {"model": model, "input": given, "stream": True})
    frames = raw.decode().strip().split("\n\n")
    if status != 200 or frames[-1] != "data: [DONE]":
        raise ValueError(f"{status}: {frames[-1]}")
    ended: Json = {}
    for frame in frames[:-1]:
        named, data = frame.split("\n")
        ended = json.loads(data.removeprefix("data: "))
        if named != f"event: {ended['type']}":
            raise ValueError(f"{named} is {ended['type']}")
        check_event(ended)
    if ended["type"] != "response.completed":
        raise ValueError(f"it ends with {ended['type']}")
    check_completed(ended["response"])


def _called(shown: Json) -> Json:
    """Return the function call of a response."""
    (call,) = (item for item in shown["output"] if item["type"] == "function_call")
    return call


def _check_phases(shown: Json) -> None:
    """Hold a response with a message of each phase to the schema."""
    (message,) = (item for item in shown["output"] if item["type"] == "message")
    messages = [{**message, "phase": phase} for phase in ("commentary", "final_answer")]
    check_completed({**shown, "output": messages})
