"""One conversation, held with each of the three formats: the same items, in each one's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.answer_options import JsonSchemaFormat, TextOptions
from app.domain.items import FunctionCallOutput, InputImage, InputText, Item, Message, Reasoning
from app.domain.request import ModelRequest, Parameters
from app.domain.stream.accumulate import fold
from app.domain.tools import FunctionTool
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.services.answering.sealing import PayloadSealer
from app.settings import Api
from tests.contract.recordings import FOLDER, CannedTransport, narrated, play, settings

Json = dict[str, Any]
WEATHER = FunctionTool(
    "get_weather",
    "Weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}},
)
ANIMAL = {
    "type": "object",
    "properties": {"animal": {"type": "string"}},
    "required": ["animal"],
    "additionalProperties": False,
}
IMAGE = "data:image/png;base64,iVBORw0KGgo="
MODELS: dict[Api, str] = {
    "chat_completions": "gpt-4o",
    "anthropic_messages": "claude-haiku-4-5",
    "responses": "gpt-4o",
}
VENDORS: dict[Api, str] = {
    "chat_completions": "openai",
    "anthropic_messages": "anthropic",
    "responses": "openai",
}
APIS = tuple(MODELS)


def user(*parts: InputText | InputImage) -> Message:
    return Message("", "user", parts)


#: What is added in each turn, with which parameters, and what the model answers: a text or a call.
TURNS: list[tuple[tuple[Item, ...], Parameters, str | Json]] = [
    ((user(InputText("Hi")),), Parameters(instructions="Be brief."), "Hello."),
    (
        (user(InputText("Weather in Paris?")),),
        Parameters(instructions="Be brief.", tools=(WEATHER,)),
        {"city": "Paris"},
    ),
    (
        (FunctionCallOutput("", "call_1", "Sunny"),),
        Parameters(instructions="Be brief.", tools=(WEATHER,)),
        "It is sunny.",
    ),
    ((user(InputText("What is this?"), InputImage(IMAGE)),), Parameters(), "A cat."),
    (
        (user(InputText("As JSON, please.")),),
        Parameters(text=TextOptions(JsonSchemaFormat("animal", ANIMAL, strict=True))),
        '{"animal":"cat"}',
    ),
]


def whole_answer(api: Api, answer: str | Json) -> bytes:
    """Return what a server of this format sends to say a text, or to call get_weather."""
    is_call = isinstance(answer, dict)
    arguments = orjson.dumps(answer).decode()
    match api:
        case "chat_completions":
            function = {"name": "get_weather", "arguments": arguments}
            call = {"id": "call_1", "type": "function", "function": function}
            said = {"tool_calls": [call]} if is_call else {"content": answer}
            message = {"role": "assistant", "content": None} | said
            why = "tool_calls" if is_call else "stop"
            return orjson.dumps({"choices": [{"message": message, "finish_reason": why}]})
        case "anthropic_messages":
            block = {"type": "text", "text": answer}
            if is_call:
                block = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": answer}
            why = "tool_use" if is_call else "end_turn"
            return orjson.dumps({"type": "message", "content": [block], "stop_reason": why})
        case _:
            item: Json = {"type": "message", "role": "assistant", "status": "completed"}
            item |= {"content": [{"type": "output_text", "text": answer}]}
            if is_call:
                item = {"type": "function_call", "call_id": "call_1", "name": "get_weather"}
                item |= {"arguments": arguments, "status": "completed"}
            return orjson.dumps({"status": "completed", "output": [item]})


def conversation(api: Api) -> tuple[list[Item], list[Json]]:
    """Hold the conversation; return its items, without their ids, and the bodies that were sent."""
    items: list[Item] = []
    sent: list[Json] = []
    for given, parameters, answer in TURNS:
        items += given
        transport = CannedTransport(settings(api), [whole_answer(api, answer)])
        provider = HTTPProvider(transport, PROFILES[VENDORS[api]], FORMATS[api])
        request = ModelRequest(
            model=MODELS[api],
            items=tuple(items),
            parameters=parameters,
            stream=False,
            history_tools=(WEATHER,),
        )
        response = fold(narrated(provider.answer(request, UpstreamCall(deadline=0))).events)
        assert response.status == "completed"
        items += [replace(item, id="") for item in response.output]
        sent += transport.sent
    return items, sent


def test_the_items_are_the_same_whoever_answered() -> None:
    chat, anthropic, responses = (conversation(api)[0] for api in APIS)
    assert chat == anthropic == responses
    assert [type(item).__name__ for item in chat] == [
        "Message",
        "Message",
        "Message",
        "FunctionCall",
        "FunctionCallOutput",
        "Message",
        "Message",
        "Message",
        "Message",
        "Message",
    ]


def test_the_last_turn_in_the_words_of_chat_completions() -> None:
    said = conversation("chat_completions")[1][-1]
    call = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert said["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny"},
        {"role": "assistant", "content": "It is sunny."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": IMAGE}},
            ],
        },
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "As JSON, please."},
    ]
    schema = {"name": "animal", "schema": ANIMAL, "strict": True}
    assert said["response_format"] == {"type": "json_schema", "json_schema": schema}


def test_the_last_turn_in_anthropics_words() -> None:
    said = conversation("anthropic_messages")[1][-1]

    def turn(role: str, *content: Json) -> Json:
        return {"role": role, "content": list(content)}

    def text(words: str) -> Json:
        return {"type": "text", "text": words}

    call = {"id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}
    image = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "Sunny"}
    assert said["messages"] == [
        turn("user", text("Hi")),
        turn("assistant", text("Hello.")),
        turn("user", text("Weather in Paris?")),
        turn("assistant", {"type": "tool_use"} | call),
        turn("user", result),
        turn("assistant", text("It is sunny.")),
        turn("user", text("What is this?"), {"type": "image", "source": image}),
        turn("assistant", text("A cat.")),
        turn("user", text("As JSON, please.")),
    ]
    assert said["output_config"] == {"format": {"type": "json_schema", "schema": ANIMAL}}
    assert [tool["name"] for tool in said["tools"]] == ["get_weather"]
    assert said["tool_choice"] == {"type": "none"}


def test_the_last_turn_in_the_words_of_responses() -> None:
    said = conversation("responses")[1][-1]

    def message(role: str, *content: Json) -> Json:
        return {"type": "message", "role": role, "content": list(content)}

    def read(text: str) -> Json:
        return {"type": "input_text", "text": text}

    def written(text: str) -> Json:
        return message("assistant", {"type": "output_text", "text": text, "annotations": []})

    image = {"type": "input_image", "detail": "auto", "image_url": IMAGE}
    call = {"call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert said["input"] == [
        message("user", read("Hi")),
        written("Hello."),
        message("user", read("Weather in Paris?")),
        {"type": "function_call"} | call,
        {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"},
        written("It is sunny."),
        message("user", read("What is this?"), image),
        written("A cat."),
        message("user", read("As JSON, please.")),
    ]
    form = {"type": "json_schema", "name": "animal", "schema": ANIMAL, "strict": True}
    assert said["text"] == {"format": form}


@pytest.mark.parametrize("api", APIS)
def test_instructions_and_tools_reach_each_format(api: Api) -> None:
    body = conversation(api)[1][1]
    assert len(body["tools"]) == 1
    first = body["messages"][0]["content"] if api == "chat_completions" else ""
    assert "Be brief." in (first, body.get("system"), body.get("instructions"))


THOUGHTFUL: list[tuple[Api, str]] = [
    ("anthropic_messages", "thinking_then_tool_call"),
    ("anthropic_messages", "thinking_then_text"),
    ("anthropic_messages", "thinking_omitted"),
    ("anthropic_messages", "redacted_thinking"),
    ("responses", "reasoning_encrypted"),
    ("responses", "reasoning_with_summary_then_tool_call"),
]


def recorded(api: Api, case: str) -> Path:
    return FOLDER / api / f"{case}.json"


def thoughts(items: list[Json]) -> Iterator[bytes]:
    """Yield the thoughts among blocks or items, as the wire has them."""
    for each in items:
        if each["type"] in ("thinking", "redacted_thinking", "reasoning"):
            yield orjson.dumps(each, option=orjson.OPT_SORT_KEYS)


def travelled(item: Item) -> Item:
    """Return an item as it is after it was sealed, told, sent again and opened."""
    if not isinstance(item, Reasoning) or item.encrypted_content is None:
        return item
    sealer = PayloadSealer(lambda: b"secret")
    opened = sealer.open("acme", sealer.seal("acme", "provider", item.encrypted_content))
    assert opened
    return replace(item, encrypted_content=opened.payload)


@pytest.mark.parametrize(("api", "case"), THOUGHTFUL)
@pytest.mark.parametrize("form", ["json", "sse"])
def test_opaque_reasoning_travels_back_byte_by_byte(api: Api, case: str, form: str) -> None:
    came = recorded(api, case)
    result = play(api, [came.with_suffix(f".{form}").read_bytes()], stream=form == "sse")
    output = fold(result.events).output
    items = [user(InputText("Hi")), *map(travelled, output), user(InputText("Go on"))]
    transport = CannedTransport(settings(api), [whole_answer(api, "Ok.")])
    provider = HTTPProvider(transport, PROFILES[VENDORS[api]], FORMATS[api])
    request = ModelRequest(model="m", items=tuple(items), parameters=Parameters(), stream=False)
    list(provider.answer(request, UpstreamCall(deadline=0)))
    body, whole = transport.sent[0], orjson.loads(came.read_bytes())
    sent = body["input"] if api == "responses" else body["messages"][1]["content"]
    answered = whole["output"] if api == "responses" else whole["content"]
    assert list(thoughts(sent)) == list(thoughts(answered))
    assert list(thoughts(sent))
