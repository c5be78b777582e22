"""Parameters in the words of an upstream that speaks Responses itself, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.answer_options import CacheOptions, JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.items import InputImage, InputText, Item, Message
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS
from app.providers.openai_responses.request import ignored, to_upstream
from app.providers.profiles import PROFILES, Profile
from tests.providers.asking import ask, said

OPENAI = PROFILES["openai"]
MODEL = "gpt-5-mini"
PERSON = {"type": "object", "properties": {}}


def body(profile: Profile = OPENAI, model: str = MODEL, **parameters: Any) -> dict[str, Any]:
    return to_upstream(ask(model=model, **parameters), profile)


def in_vain(profile: Profile = OPENAI, **parameters: Any) -> tuple[str, ...]:
    return ignored(ask(model=MODEL, **parameters), profile)


def test_the_least_that_can_be_asked() -> None:
    content = [{"type": "input_text", "text": "Hi"}]
    assert body() == {
        "model": MODEL,
        "input": [{"type": "message", "role": "user", "content": content}],
        "store": False,
        "stream": False,
        "include": [INCLUDE_ENCRYPTED],
    }


def test_a_stream_is_asked_for() -> None:
    assert to_upstream(ask(stream=True), OPENAI)["stream"] is True


@pytest.mark.parametrize(
    "given",
    [
        {"instructions": "Be brief."},
        {"max_output_tokens": 77},
        {"temperature": 0.0},
        {"top_p": 0.5},
        {"presence_penalty": 0.5},
        {"frequency_penalty": 0.5},
        {"top_logprobs": 3},
        {"user": "u"},
        {"safety_identifier": "s"},
        {"prompt_cache_key": "k"},
        {"prompt_cache_retention": "24h"},
        {"service_tier": "flex"},
    ],
)
def test_a_parameter_of_the_same_name_is_passed_on(given: dict[str, Any]) -> None:
    assert body(**given) == body() | given
    assert in_vain(**given) == ()


@pytest.mark.parametrize(
    ("options", "passed_on"),
    [
        (CacheOptions(), {"mode": "implicit"}),
        (CacheOptions("explicit", "12h"), {"mode": "explicit", "ttl": "12h"}),
        (CacheOptions("implicit", "5m"), {"mode": "implicit", "ttl": "30m"}),
        (CacheOptions("implicit", "1h"), {"mode": "implicit", "ttl": "12h"}),
    ],
)
def test_options_of_the_cache_have_the_lifetimes_that_the_server_knows(
    options: CacheOptions, passed_on: dict[str, str]
) -> None:
    assert body(prompt_cache_options=options)["prompt_cache_options"] == passed_on


def test_the_operators_default_limit_is_passed_on() -> None:
    request = replace(ask(), max_output_tokens_default=99)
    assert to_upstream(request, OPENAI)["max_output_tokens"] == 99


def test_the_gateways_own_parameters_are_not_sent() -> None:
    assert body(metadata={"a": "b"}, max_tool_calls=3) == body()


def test_a_seed_is_left_out_and_named() -> None:
    assert body(seed=1) == body()
    assert in_vain(seed=1) == ("seed",)


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "openai/gpt-4.1-mini", "ft:gpt-4o:org::id", "gpt-5-chat-latest", "chatgpt-4o"],
)
def test_a_model_that_does_not_reason_is_not_asked_for_encrypted_reasoning(model: str) -> None:
    assert "include" not in body(model=model)


def test_a_server_that_cannot_encrypt_reasoning_is_not_asked_to() -> None:
    assert "include" not in body(PROFILES["vllm"])


def test_log_probabilities_are_asked_for() -> None:
    request = body(include=frozenset({INCLUDE_LOGPROBS, INCLUDE_ENCRYPTED}))
    assert request["include"] == [INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ReasoningOptions("xhigh", "auto"), {"effort": "xhigh", "summary": "auto"}),
        (ReasoningOptions("none"), {"effort": "none"}),
        (ReasoningOptions(summary="detailed"), {"summary": "detailed"}),
        (ReasoningOptions("low", "none"), {"effort": "low"}),
        (ReasoningOptions(summary="none"), None),
        (ReasoningOptions(), None),
    ],
)
def test_reasoning_is_passed_on(options: ReasoningOptions, expected: dict[str, str] | None) -> None:
    assert body(reasoning=options).get("reasoning") == expected
    assert in_vain(reasoning=options) == ()


@pytest.mark.parametrize(
    ("effort", "expected"), [("minimal", "low"), ("xhigh", "high"), ("low", "low")]
)
def test_a_server_that_knows_three_efforts_is_told_the_nearest(effort: str, expected: str) -> None:
    options = ReasoningOptions(effort)
    assert body(PROFILES["vllm"], reasoning=options)["reasoning"] == {"effort": expected}


def test_a_server_that_knows_no_effort_is_told_none() -> None:
    profile, options = replace(OPENAI, effort="none"), ReasoningOptions("low", "auto")
    assert "reasoning" not in body(profile, reasoning=options)
    assert in_vain(profile, reasoning=options) == ("reasoning.effort", "reasoning.summary")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TextOptions(), None),
        (TextOptions(verbosity="low"), {"verbosity": "low"}),
        (TextOptions("json_object"), {"format": {"type": "json_object"}}),
        (
            TextOptions(JsonSchemaFormat("p", PERSON, "Who", True), "high"),
            {
                "verbosity": "high",
                "format": {
                    "type": "json_schema",
                    "name": "p",
                    "description": "Who",
                    "schema": PERSON,
                    "strict": True,
                },
            },
        ),
        (
            TextOptions(JsonSchemaFormat("p", PERSON)),
            {"format": {"type": "json_schema", "name": "p", "schema": PERSON}},
        ),
    ],
)
def test_the_text_format_is_flat(text: TextOptions, expected: dict[str, Any] | None) -> None:
    assert body(text=text).get("text") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TextOptions("json_object"), {"type": "json_object"}),
        (
            TextOptions(JsonSchemaFormat("p", PERSON)),
            {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}},
        ),
    ],
)
def test_a_server_that_does_not_heed_the_text_format_is_told_as_in_chat(
    text: TextOptions, expected: dict[str, Any]
) -> None:
    request = body(PROFILES["llamacpp"], text=text)
    assert request["response_format"] == expected
    assert "text" not in request
    assert in_vain(PROFILES["llamacpp"], text=text) == ()


def test_verbosity_is_told_beside_a_format_as_in_chat() -> None:
    request = body(replace(OPENAI, text_format=False), text=TextOptions("json_object", "low"))
    assert request["text"] == {"verbosity": "low"}


@pytest.mark.parametrize(
    ("quirk", "given", "named"),
    [
        ("penalties", {"presence_penalty": 1}, "presence_penalty"),
        ("user", {"user": "u"}, "user"),
        ("service_tier", {"service_tier": "flex"}, "service_tier"),
        ("safety_identifier", {"safety_identifier": "s"}, "safety_identifier"),
        ("prompt_cache_key", {"prompt_cache_key": "k"}, "prompt_cache_key"),
        ("prompt_cache_retention", {"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
        (
            "prompt_cache_options",
            {"prompt_cache_options": CacheOptions("explicit", "1h")},
            "prompt_cache_options",
        ),
        ("verbosity", {"text": TextOptions(verbosity="low")}, "text.verbosity"),
        ("logprobs", {"top_logprobs": 2}, "top_logprobs"),
        ("logprobs", {"include": frozenset({INCLUDE_LOGPROBS})}, "include"),
    ],
)
def test_what_a_server_refuses_is_left_out_and_named(
    quirk: str, given: dict[str, Any], named: str
) -> None:
    off: dict[str, Any] = {quirk: False}
    profile = replace(OPENAI, **off)
    assert body(profile, **given) == body()
    assert in_vain(profile, **given) == (named,)


def test_a_tier_that_the_server_chooses_anyway_is_not_named() -> None:
    assert in_vain(replace(OPENAI, service_tier=False), service_tier="auto") == ()


ONE_SYSTEM = replace(OPENAI, one_system=True)
LEADING = said("S", "system"), said("D", "developer"), said("Hi"), said("Later", "developer")


def leading(*items: Item, profile: Profile = ONE_SYSTEM, **parameters: Any) -> Any:
    """Return the instructions, and the role or type of each item of the input."""
    request = to_upstream(ask(*items, **parameters), profile)
    return request.get("instructions"), [
        each.get("role", each["type"]) for each in request["input"]
    ]


def test_what_leads_is_one_system_message_where_only_one_may() -> None:
    assert leading(*LEADING, instructions="I") == ("I\n\nS\n\nD", ["user", "developer"])
    assert leading(*LEADING) == ("S\n\nD", ["user", "developer"])


def test_the_user_says_what_comes_late_where_no_system_message_may() -> None:
    profile = replace(ONE_SYSTEM, late_system=False)
    assert leading(*LEADING, profile=profile) == ("S\n\nD", ["user", "user"])
    behind = (*LEADING, said("Hello.", "assistant"), said("Still later", "system"))
    _, roles = leading(*behind, profile=profile)
    assert roles == ["user", "user", "assistant", "user"]


def test_elsewhere_it_stays_as_it_is() -> None:
    roles = ["system", "developer", "user", "developer"]
    assert leading(*LEADING, profile=OPENAI, instructions="I") == ("I", roles)


def test_no_instructions_are_made_of_nothing() -> None:
    assert leading(said("", "system"), said("Hi")) == (None, ["user"])


def test_a_conversation_of_system_messages_only_stays_one() -> None:
    assert leading(said("S", "system"), instructions="I") == ("I", ["system"])


def test_a_system_message_with_an_image_stays_where_it_is() -> None:
    message = Message("m", "system", (InputText("S"), InputImage("https://x.test/a")))
    assert leading(message, said("Hi"), instructions="I") == ("I", ["system", "user"])
