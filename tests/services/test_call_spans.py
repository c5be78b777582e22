"""The span of a call says what was asked of whom, and what was said only where that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.identity import RequestIdentity
from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Message,
    OutputText,
    Reasoning,
)
from app.domain.request import ModelRequest, Parameters
from app.domain.response import Response, Usage
from app.domain.upstream_call import UpstreamCall
from app.services.upstreams.spans.calls import CallSpans, answered
from app.services.upstreams.spans.content import MAX_MESSAGES, MAX_TEXT, input_messages
from app.settings import ProviderSettings
from app.settings.values import Api
from app.telemetry.tracing import Recording, Span, tracer

PROVIDER = ProviderSettings(name="mine", api="responses", base_url="https://api.openai.com/v1")
SAID = (
    Message("msg_1", "user", (InputText("hello"), InputImage(image_url="data:secret"))),
    Reasoning("rs_1", ("I think",)),
    FunctionCall("fc_1", "call_1", "look", "{}"),
    FunctionCallOutput("fco_1", "call_1", "rain"),
)
ANSWER = Message("msg_2", "assistant", (OutputText("it rains"),))


@pytest.fixture
def recording() -> Recording:
    return Recording("a" * 32, Span("POST /v1/responses", "server", ""))


@pytest.fixture
def _with_content() -> Iterator[None]:
    tracer.captures_content = True
    yield
    tracer.captures_content = False


def begun(
    recording: Recording, provider: ProviderSettings = PROVIDER, **parameters: Any
) -> dict[str, Any]:
    request = ModelRequest(
        model="gpt", items=SAID, parameters=Parameters(**parameters), stream=True
    )
    names = RequestIdentity("req_1", f"00-{'a' * 32}-{'b' * 16}-01", "vendor=1")
    call = UpstreamCall(deadline=1.0, identity=names)
    call.attempts = 2
    span = CallSpans([provider]).begin(recording, provider.name, request, call)
    assert call.identity == names.within(span.id, sampled=True)
    return span.attributes


def response(**more: Any) -> Response:
    return Response("resp_1", "gpt", 1, {}, **{"status": "completed", "output": (ANSWER,)} | more)


def test_it_says_what_was_asked_of_whom(recording: Recording) -> None:
    attributes = begun(recording, temperature=0.5, max_output_tokens=9)
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gateway.provider": "mine",
        "gen_ai.request.model": "gpt",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": None,
        "gen_ai.request.max_tokens": 9,
        "server.address": "api.openai.com",
        "server.port": 443,
        "gateway.attempt": 2,
    }
    assert {name: attributes[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("api", "base_url", "known"),
    [
        ("responses", "https://it.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("anthropic_messages", "https://api.anthropic.com/v1", "anthropic"),
        ("chat_completions", "https://api.x.ai/v1", "x_ai"),
        ("chat_completions", "http://10.0.0.7:8000/v1", "mine"),
    ],
)
def test_a_provider_is_called_what_the_conventions_call_it(
    recording: Recording, api: Api, base_url: str, known: str
) -> None:
    provider = ProviderSettings(name="mine", api=api, base_url=base_url)
    assert begun(recording, provider)["gen_ai.provider.name"] == known


def test_a_credential_in_a_base_url_is_in_no_span(recording: Recording) -> None:
    url = "https://api.openai.com/v1?key=very-secret-token"
    provider = ProviderSettings(name="mine", api="responses", base_url=url)
    assert "very-secret" not in str(begun(recording, provider))


def test_it_says_what_an_answer_has_used_and_how_it_ended(recording: Recording) -> None:
    attributes = begun(recording)
    usage = Usage(11, 7, cached_tokens=3, reasoning_tokens=2)
    answered(recording, response(usage=usage))
    assert attributes["gen_ai.usage.input_tokens"] == 11
    assert attributes["gen_ai.usage.output_tokens"] == 7
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 3
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 2
    assert attributes["gen_ai.response.finish_reasons"] == ["stop"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"output": (SAID[2],)}, "tool_call"),
        ({"status": "incomplete", "incomplete_reason": "max_output_tokens"}, "length"),
        ({"status": "incomplete", "incomplete_reason": "content_filter"}, "content_filter"),
        ({"status": "failed"}, "error"),
    ],
)
def test_it_says_why_the_model_stopped(
    recording: Recording, more: dict[str, Any], reason: str
) -> None:
    attributes = begun(recording)
    answered(recording, response(**more))
    assert attributes["gen_ai.response.finish_reasons"] == [reason]


def test_what_was_said_is_not_in_it(recording: Recording) -> None:
    attributes = begun(recording, instructions="be brief")
    answered(recording, response())
    assert not {name for name in attributes if "messages" in name or "instructions" in name}


@pytest.mark.usefixtures("_with_content")
def test_what_was_said_is_in_it_where_that_is_wanted(recording: Recording) -> None:
    attributes = begun(recording, instructions="be brief")
    answered(recording, response())
    text = {"type": "text", "content": "be brief"}
    assert attributes["gen_ai.system_instructions"] == [text]
    assert attributes["gen_ai.input.messages"] == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "hello"},
                {"type": "text", "content": "[input_image]"},
            ],
        },
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "I think"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call_1", "name": "look", "arguments": "{}"}],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "call_1", "result": "rain"}],
        },
    ]
    assert attributes["gen_ai.output.messages"] == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "it rains"}],
            "finish_reason": "stop",
        }
    ]


def test_what_is_captured_is_bounded() -> None:
    long = Message("msg_1", "user", (InputText("x" * (MAX_TEXT + 9)),))
    messages = input_messages((long,) * (MAX_MESSAGES + 9))
    assert len(messages) == MAX_MESSAGES
    assert len(messages[0]["parts"][0]["content"]) == MAX_TEXT
