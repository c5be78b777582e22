"""Requests in the words of Chat Completions, for servers of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.request import INCLUDE_LOGPROBS
from app.providers.openai_chat.request import ignored, to_upstream
from app.providers.openai_responses import request as responses
from app.providers.profiles import PROFILES, Profile
from tests.providers.chatting import GENERIC, OPENAI, knowing, request

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORMAT = JsonSchemaFormat("answer", SCHEMA, "An answer.", True)


def sent(profile: Profile = GENERIC, **parameters: Any) -> dict[str, Any]:
    return to_upstream(request(**parameters), profile)


PLAIN = {"model", "messages", "stream"}


def test_a_plain_request_is_model_and_messages() -> None:
    assert sent() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello."}],
        "stream": False,
    }


def test_a_stream_asks_for_usage() -> None:
    body = sent(stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_a_stream_asks_for_no_more_than_the_server_knows() -> None:
    body = sent(knowing(stream_options=False), stream=True)
    assert body["stream"] is True
    assert "stream_options" not in body


@pytest.mark.parametrize(
    ("profile", "field"), [(GENERIC, "max_tokens"), (OPENAI, "max_completion_tokens")]
)
def test_the_bound_of_the_output_has_the_servers_name(profile: Profile, field: str) -> None:
    assert sent(profile, max_output_tokens=64)[field] == 64


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0.0},
        {"top_p": 0.5},
        {"presence_penalty": 1.0},
        {"frequency_penalty": -1.0},
        {"seed": 0},
        {"user": "u"},
        {"service_tier": "flex"},
        {"safety_identifier": "s"},
        {"prompt_cache_key": "k"},
        {"prompt_cache_retention": "24h"},
    ],
    ids=lambda payload: next(iter(payload)),
)
def test_a_parameter_keeps_its_name_and_value(parameters: dict[str, Any]) -> None:
    body = sent(OPENAI, **parameters)
    assert {name: body[name] for name in parameters} == parameters


@pytest.mark.parametrize(
    ("parameters", "quirk"),
    [
        ({"presence_penalty": 1.0}, "penalties"),
        ({"frequency_penalty": 1.0}, "penalties"),
        ({"seed": 1}, "seed"),
        ({"user": "u"}, "user"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"safety_identifier": "s"}, "safety_identifier"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unknown_parameter_is_left_out_and_named(parameters: dict[str, Any], quirk: str) -> None:
    profile = knowing(**{quirk: False})
    assert not parameters.keys() & sent(profile, **parameters).keys()
    assert ignored(request(**parameters), profile) == tuple(parameters)


def test_metadata_stays_here() -> None:
    assert "metadata" not in sent(OPENAI, metadata={"a": "b"})


def test_metadata_is_sent_where_the_operator_wants_it_kept() -> None:
    body = sent(knowing(metadata=True), metadata={"a": "b"})
    assert (body["metadata"], body["store"]) == ({"a": "b"}, True)


@pytest.mark.parametrize(
    ("quirks", "effort", "expected"),
    [
        ({}, "xhigh", {"reasoning_effort": "xhigh"}),
        ({"coarse_effort": True}, "xhigh", {"reasoning_effort": "high"}),
        ({"coarse_effort": True}, "minimal", {"reasoning_effort": "low"}),
        ({"coarse_effort": True}, "none", {"reasoning_effort": "none"}),
        ({"thinking_switch": True}, "none", {"thinking": {"type": "disabled"}}),
        ({"thinking_switch": True}, "low", {"reasoning_effort": "low"}),
        ({"effort": "reasoning"}, "high", {"reasoning": {"effort": "high"}}),
        (
            {"effort": "chat_template_kwargs"},
            "high",
            {"chat_template_kwargs": {"reasoning_effort": "high"}},
        ),
        (
            {"effort": "chat_template_kwargs"},
            "none",
            {"chat_template_kwargs": {"enable_thinking": False}},
        ),
        ({"effort": "enable_thinking"}, "none", {"enable_thinking": False}),
        ({"effort": "enable_thinking"}, "high", {"enable_thinking": True}),
        ({"effort": "none"}, "high", {}),
        ({}, None, {}),
    ],
)
def test_the_effort_goes_where_the_server_reads_it(
    quirks: dict[str, Any], effort: str | None, expected: dict[str, Any]
) -> None:
    body = sent(knowing(**quirks), reasoning=ReasoningOptions(effort))
    assert {name: body[name] for name in body.keys() - PLAIN} == expected


def test_an_effort_that_is_not_understood_is_named() -> None:
    payload = request(reasoning=ReasoningOptions("high"))
    assert ignored(payload, knowing(effort="none")) == ("reasoning.effort",)


@pytest.mark.parametrize(
    ("model", "effort", "level"),
    [
        ("mistral-small-2603", "none", "none"),
        ("mistral-small-latest", "low", "high"),
        ("mistral-medium-3-5", "xhigh", "high"),
        ("mistral-medium-3.5", "high", "high"),
        ("mistral-large-4-0", "minimal", "low"),
        ("mistral-large-4-0", "medium", "medium"),
        ("mistral-large-4-0", "max", "high"),
        ("mistral-large-latest", "high", None),
        ("mistral-medium-latest", "none", None),
        ("devstral-2512", "high", None),
    ],
)
def test_only_listed_models_of_mistral_are_sent_an_effort_and_one_that_they_take(
    model: str, effort: str, level: str | None
) -> None:
    asked = request(model=model, reasoning=ReasoningOptions(effort))
    names = () if level == effort else ("reasoning.effort",)
    assert to_upstream(asked, PROFILES["mistral"]).get("reasoning_effort") == level
    assert ignored(asked, PROFILES["mistral"]) == names
    assert responses.ignored(asked, PROFILES["mistral"]) == names
    body = responses.to_upstream(asked, PROFILES["mistral"])
    assert body.get("reasoning", {}).get("effort") == level


@pytest.mark.parametrize(("effort", "names"), [("none", ()), ("high", ("reasoning.effort",))])
def test_a_switch_of_thinking_honours_no_effort_but_none(
    effort: str, names: tuple[str, ...]
) -> None:
    payload = request(reasoning=ReasoningOptions(effort))
    assert ignored(payload, knowing(effort="enable_thinking")) == names


@pytest.mark.parametrize(("summary", "names"), [("auto", ("reasoning.summary",)), ("none", ())])
def test_a_summary_that_nobody_writes_is_named(summary: str, names: tuple[str, ...]) -> None:
    assert ignored(request(reasoning=ReasoningOptions(summary=summary)), OPENAI) == names


@pytest.mark.parametrize(("summary", "names"), [("auto", ()), ("none", ("reasoning.summary",))])
def test_that_no_summary_is_wanted_is_named_where_the_server_tells_what_it_thinks(
    summary: str, names: tuple[str, ...]
) -> None:
    assert ignored(request(reasoning=ReasoningOptions(summary=summary)), knowing()) == names


def test_a_schema_is_told() -> None:
    assert sent(text=TextOptions(FORMAT))["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": SCHEMA,
            "description": "An answer.",
            "strict": True,
        },
    }


def test_a_schema_without_more_is_told_without_more() -> None:
    result = sent(text=TextOptions(JsonSchemaFormat("answer", SCHEMA)))["response_format"]
    assert result["json_schema"] == {"name": "answer", "schema": SCHEMA}


def test_json_is_told() -> None:
    assert sent(text=TextOptions("json_object"))["response_format"] == {"type": "json_object"}


def test_a_schema_that_cannot_be_enforced_is_told_in_words_and_named() -> None:
    profile = knowing(json_schema=False)
    parameters: dict[str, Any] = {"text": TextOptions(FORMAT), "instructions": "Be brief."}
    body = sent(profile, **parameters)
    assert body["response_format"] == {"type": "json_object"}
    assert '"a":{"type":"string"}' in body["messages"][1]["content"]
    assert ignored(request(**parameters), profile) == ("text.format",)


def test_json_that_cannot_be_enforced_is_told_in_words_and_named() -> None:
    profile = knowing(json_schema=False, json_object=False)
    parameters: dict[str, Any] = {"text": TextOptions("json_object")}
    body = sent(profile, **parameters)
    assert "response_format" not in body
    assert "JSON object" in body["messages"][0]["content"]
    assert ignored(request(**parameters), profile) == ("text.format",)


def test_verbosity_is_told() -> None:
    assert sent(OPENAI, text=TextOptions(verbosity="low"))["verbosity"] == "low"


def test_verbosity_is_left_out_and_named_where_it_is_unknown() -> None:
    profile = knowing(verbosity=False)
    body: dict[str, Any] = {"text": TextOptions(verbosity="low")}
    assert "verbosity" not in sent(profile, **body)
    assert ignored(request(**body), profile) == ("text.verbosity",)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"include": frozenset({INCLUDE_LOGPROBS})}, {"logprobs": True}),
        ({"top_logprobs": 0}, {}),
    ],
)
def test_logprobs_are_asked_for(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    body = sent(**parameters)
    assert {name: body[name] for name in body.keys() - PLAIN} == expected


def test_logprobs_are_left_out_and_named_where_they_are_unknown() -> None:
    profile = knowing(logprobs=False)
    body: dict[str, Any] = {"top_logprobs": 3, "include": frozenset({INCLUDE_LOGPROBS})}
    assert "logprobs" not in sent(profile, **body)
    assert ignored(request(**body), profile) == ("top_logprobs", "include")


def test_nothing_is_named_that_was_not_asked_for() -> None:
    assert all(ignored(request(), profile) == () for profile in PROFILES.values())


def test_the_usual_tier_is_nothing_to_name() -> None:
    assert ignored(request(service_tier="auto"), knowing(service_tier=False)) == ()


@pytest.mark.parametrize(
    ("model", "effort", "is_sent"),
    [
        ("grok-4", "high", False),
        ("x-ai/grok-4-fast-reasoning", "low", False),
        ("grok-code-fast-1", "low", False),
        ("grok-3-mini", "high", True),
        ("grok-4.5", "high", True),
        ("grok-4.20-multi-agent-0309", "high", True),
        ("glm-5.3", "none", False),
        ("glm-5.3", "low", True),
        ("glm-4.6", "none", True),
        ("kimi-k3", "none", False),
        ("moonshotai/kimi-k2.7-code-highspeed", "none", False),
        ("kimi-k2.6", "none", True),
    ],
)
def test_a_model_is_not_told_an_effort_that_it_refuses(
    model: str, effort: str, is_sent: bool
) -> None:
    asked = request(model=model, reasoning=ReasoningOptions(effort))
    assert ("reasoning_effort" in to_upstream(asked, GENERIC)) is is_sent
    assert ignored(asked, GENERIC) == (() if is_sent else ("reasoning.effort",))
    in_responses = responses.to_upstream(asked, GENERIC)
    assert ("reasoning" in in_responses) is is_sent
    assert responses.ignored(asked, GENERIC) == (() if is_sent else ("reasoning.effort",))
