"""One conversation, the same through every format: text, a call, an image, structured output."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.upstream.anthropic import SIGNATURE
from tests.upstream.client import Upstream
from tests.upstream.responses import SEALED
from tests.upstream.script import Call, Script

PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
FORECAST = {
    "type": "json_schema",
    "name": "forecast",
    "schema": {
        "type": "object",
        "properties": {"degrees_tomorrow": {"type": "number"}},
        "required": ["degrees_tomorrow"],
        "additionalProperties": False,
    },
    "strict": True,
}


def converse(gateway: Gateway, provider: str, stream: bool) -> list[dict[str, Any]]:
    """Hold the conversation and return every item that the model made."""
    parent: str | None = None
    made: list[dict[str, Any]] = []
    tag = f"conversation {provider} {stream}"

    def turn(item: dict[str, Any], script: Script, **more: Any) -> None:
        nonlocal parent
        body = {"model": f"{provider}/{script.text()}", "previous_response_id": parent} | more
        shown = (
            gateway.stream([item], **body).response if stream else gateway.create([item], **body)
        )
        parent = shown["id"]
        made.extend(shown["output"])

    turn({"role": "user", "content": "Hello!"}, Script(tag=tag, say="Hello, you."))
    called = Call(name="weather", arguments='{"city":"Zürich"}', id="call_weather")
    turn(
        {"role": "user", "content": "What is the weather in Zürich?"},
        Script(tag=tag, reasoning="I have a tool for that.", calls=(called,)),
        tools=[WEATHER],
    )
    output = {"type": "function_call_output", "call_id": "call_weather", "output": "3 °C, snow"}
    turn(output, Script(tag=tag, say="Cold, with snow."), tools=[WEATHER])
    picture = {"type": "input_image", "image_url": f"data:image/gif;base64,{PIXEL}"}
    turn(
        {"role": "user", "content": [{"type": "input_text", "text": "And this?"}, picture]},
        Script(tag=tag, say="A single pixel."),
    )
    turn(
        {"role": "user", "content": "As JSON, please."},
        Script(tag=tag, say='{"degrees_tomorrow": 3}'),
        text={"format": FORECAST},
    )
    return [{name: value for name, value in item.items() if name != "id"} for item in made]


def said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "status": "completed", "role": "assistant", "content": [part]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", APIS)
def test_a_conversation_makes_the_same_items_through_every_format(
    gateway: Gateway, provider: str, stream: bool
) -> None:
    assert converse(gateway, provider, stream) == [
        said("Hello, you."),
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "I have a tool for that."}],
        },
        {
            "type": "function_call",
            "status": "completed",
            "call_id": "call_weather",
            "name": "weather",
            "arguments": '{"city":"Zürich"}',
        },
        said("Cold, with snow."),
        said("A single pixel."),
        said('{"degrees_tomorrow": 3}'),
    ]


@pytest.mark.parametrize("provider", APIS)
def test_every_format_is_told_the_whole_conversation(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    converse(gateway, provider, stream=False)
    body = json.dumps(upstream.requests(f"conversation {provider} False")[-1]["body"])
    wanted = ["Hello, you.", "call_weather", "snow", PIXEL, "degrees_tomorrow", "As JSON"]
    assert [words for words in wanted if words not in body] == []


@pytest.mark.parametrize(("provider", "payload"), [("responses", SEALED), ("anthropic", SIGNATURE)])
@pytest.mark.parametrize("way", ["input", "conversation"])
def test_stored_reasoning_comes_back_whole_by_its_id(
    gateway: Gateway, upstream: Upstream, provider: str, payload: str, way: str
) -> None:
    # As agents send a history again: every item as it was shown, that is without the payload.
    tag = f"stored reasoning {provider} {way}"
    called = Call(name="weather", arguments='{"city":"Oslo"}', id="call_oslo")
    question = {"role": "user", "content": "Is Oslo cold?"}
    script = Script(tag=tag, reasoning="I look.", calls=(called,))
    first = gateway.create([question], model=f"{provider}/{script.text()}", tools=[WEATHER])
    assert "encrypted_content" not in first["output"][0]
    output = {"type": "function_call_output", "call_id": "call_oslo", "output": "Yes."}
    history = [{"type": "message", **question}, *first["output"], output]
    parameters: dict[str, Any] = {"tools": [WEATHER]}
    if way == "conversation":
        made = gateway.call("POST", "/v1/conversations", {"items": history}).json()
        history, parameters["conversation"] = [{"role": "user", "content": "So?"}], made["id"]
    script = Script(tag=tag, say="It is.")
    gateway.create(history, model=f"{provider}/{script.text()}", **parameters)
    *_, last = upstream.requests(tag)
    body = json.dumps(last["body"])
    assert body.index("I look.") < body.index(payload) < body.index("call_oslo")


@pytest.mark.parametrize("provider", APIS)
def test_calls_of_each_turn_may_have_the_same_id(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag, parent = f"one id {provider}", None
    for city in ("Oslo", "Rome"):
        called = Call(name="weather", arguments=f'{{"city":"{city}"}}', id="call_0")
        script = Script(tag=tag, calls=(called,))
        parameters = {"previous_response_id": parent, "tools": [WEATHER]}
        question = {"role": "user", "content": f"{city}?"}
        first = gateway.create([question], model=f"{provider}/{script.text()}", **parameters)
        script = Script(tag=tag, say=f"{city} it is.")
        output = {"type": "function_call_output", "call_id": "call_0", "output": f"<{city}>"}
        parameters["previous_response_id"] = first["id"]
        parent = gateway.create([output], model=f"{provider}/{script.text()}", **parameters)["id"]
    *_, last = upstream.requests(tag)
    body = json.dumps(last["body"])
    found = [body.index(words) for words in ("Oslo?", "<Oslo>", "Oslo it is.", "Rome?", "<Rome>")]
    assert found == sorted(found)
