"""Parameters in Anthropic's words, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.request import INCLUDE_LOGPROBS
from app.domain.tools import FunctionTool
from app.providers.anthropic.request import JSON_ONLY, ignored, to_upstream
from app.providers.profiles import PROFILES
from tests.providers.asking import TOOL, ask, said

PROFILE = PROFILES["anthropic"]
TAKES_SAMPLING, REFUSES_SAMPLING = "claude-sonnet-4-6", "claude-sonnet-5"
OLDEST = "claude-3-5-haiku-20241022"
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}}
CLOSED = PERSON | {"additionalProperties": False}


def body(model: str = TAKES_SAMPLING, **parameters: Any) -> dict[str, Any]:
    return to_upstream(ask(model=model, **parameters), PROFILE)


def in_vain(model: str = TAKES_SAMPLING, **parameters: Any) -> tuple[str, ...]:
    return ignored(ask(model=model, **parameters), PROFILE)


def test_the_least_that_can_be_asked() -> None:
    assert body() == {
        "model": TAKES_SAMPLING,
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }


@pytest.mark.parametrize(
    ("model", "most"),
    [("claude-opus-4-6", 128_000), ("claude-sonnet-4-6", 64_000), ("claude-opus-5", 128_000),
     ("claude-next", 128_000), ("claude-haiku-4-5", 64_000), ("another", 8192)],
)  # fmt: skip
def test_a_model_that_nobody_bounds_may_say_as_much_as_it_can(model: str, most: int) -> None:
    assert body(model)["max_tokens"] == most


def test_a_stream_is_asked_for() -> None:
    assert to_upstream(ask(stream=True), PROFILE)["stream"] is True


def test_the_callers_output_limit_comes_first() -> None:
    assert body(max_output_tokens=77)["max_tokens"] == 77


@pytest.mark.parametrize(
    ("temperature", "sent", "named"),
    [(0, 0, ()), (0.5, 0.5, ()), (1, 1, ()), (1.5, 1, ("temperature",)), (2, 1, ("temperature",))],
)
def test_a_temperature_above_one_is_one(
    temperature: float, sent: float, named: tuple[str, ...]
) -> None:
    assert body(temperature=temperature)["temperature"] == sent
    assert in_vain(temperature=temperature) == named


def test_of_temperature_and_top_p_only_the_temperature_is_sent() -> None:
    request = body(temperature=0.2, top_p=0.9)
    assert request["temperature"] == 0.2
    assert "top_p" not in request
    assert in_vain(temperature=0.2, top_p=0.9) == ("top_p",)


def test_top_p_alone_is_sent() -> None:
    assert body(top_p=0.9)["top_p"] == 0.9
    assert in_vain(top_p=0.9) == ()


@pytest.mark.parametrize(
    "given", [{"temperature": 1}, {"top_p": 1}, {"temperature": 1, "top_p": 1}]
)
def test_a_default_is_honoured_by_a_model_that_takes_no_sampling_parameters(
    given: dict[str, int],
) -> None:
    assert not given.keys() & body(REFUSES_SAMPLING, **given).keys()
    assert in_vain(REFUSES_SAMPLING, **given) == ()


def test_a_model_that_takes_no_sampling_parameters_is_sent_none() -> None:
    given = {"temperature": 0.3, "top_p": 0.9}
    assert not given.keys() & body(REFUSES_SAMPLING, **given).keys()
    assert in_vain(REFUSES_SAMPLING, **given) == ("temperature", "top_p")


def test_a_model_that_thinks_is_sent_no_sampling_parameters() -> None:
    thinking = ReasoningOptions("low")
    assert "temperature" not in body(temperature=0.3, reasoning=thinking)
    assert in_vain(temperature=0.3, reasoning=thinking) == ("temperature",)


def test_a_schema_holds_the_answer_to_it() -> None:
    form = TextOptions(JsonSchemaFormat("person", PERSON, description="Who", strict=True))
    fields = {"type": "json_schema", "schema": CLOSED | {"description": "Who"}}
    assert body(text=form)["output_config"] == {"format": fields}
    assert in_vain(text=form) == ()


def test_a_schemas_own_description_stays() -> None:
    form = TextOptions(JsonSchemaFormat("p", PERSON | {"description": "Mine"}, description="Who"))
    assert body(text=form)["output_config"]["format"]["schema"]["description"] == "Mine"


def test_a_model_that_knows_no_schemas_is_told_in_words() -> None:
    form = TextOptions(JsonSchemaFormat("person", PERSON))
    request = body(OLDEST, text=form, instructions="Hello.")
    assert request["system"].startswith(f"Hello.\n\n{JSON_ONLY}")
    assert '{"name":{"type":"string"}}' in request["system"]
    assert "output_config" not in request
    assert in_vain(OLDEST, text=form) == ("text.format",)


def test_a_server_that_knows_no_schemas_is_told_in_words() -> None:
    request = ask(text=TextOptions(JsonSchemaFormat("person", PERSON)))
    assert JSON_ONLY in to_upstream(request, PROFILES["llamacpp"])["system"]
    assert ignored(request, PROFILES["llamacpp"]) == ("text.format",)


def test_json_is_asked_for_in_words() -> None:
    assert body(text=TextOptions("json_object"))["system"] == JSON_ONLY
    assert in_vain(text=TextOptions("json_object")) == ()


def test_effort_and_schema_share_a_field() -> None:
    form = TextOptions(JsonSchemaFormat("person", PERSON))
    config = body(text=form, reasoning=ReasoningOptions("low"))["output_config"]
    assert config.keys() == {"effort", "format"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"user": "u"}, "u"),
        ({"safety_identifier": "s"}, "s"),
        ({"user": "u", "safety_identifier": "s"}, "s"),
    ],
)
def test_who_asks_is_told_as_metadata(given: dict[str, str], expected: str) -> None:
    assert body(**given)["metadata"] == {"user_id": expected}


def test_of_two_names_for_who_asks_the_old_one_is_in_vain() -> None:
    assert in_vain(user="u", safety_identifier="s") == ("user",)


def test_a_service_tier_has_another_name() -> None:
    assert body(service_tier="default")["service_tier"] == "standard_only"
    assert in_vain(service_tier="default") == ()


@pytest.mark.parametrize("profile", ["azure", "fireworks", "generic"])
def test_a_hosts_own_tiers_are_none_of_this_format(profile: str) -> None:
    request = ask(service_tier="default")
    assert "service_tier" not in to_upstream(request, PROFILES[profile])
    assert ignored(request, PROFILES[profile]) == ("service_tier",)


@pytest.mark.parametrize("tier", ["flex", "priority"])
def test_a_service_tier_that_cannot_be_asked_for_is_in_vain(tier: str) -> None:
    assert "service_tier" not in body(service_tier=tier)
    assert in_vain(service_tier=tier) == ("service_tier",)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"frequency_penalty": -1}, "frequency_penalty"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"seed": 0}, "seed"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
        ({"include": frozenset({INCLUDE_LOGPROBS})}, "include"),
        ({"text": TextOptions(verbosity="low")}, "text.verbosity"),
    ],
)
def test_what_has_no_equivalent_is_left_out_and_named(given: dict[str, Any], named: str) -> None:
    assert body(**given) == body()
    assert in_vain(**given) == (named,)


@pytest.mark.parametrize(
    "given", [{"presence_penalty": 0}, {"frequency_penalty": 0}, {"top_logprobs": 0}]
)
def test_what_asks_for_nothing_is_not_named(given: dict[str, Any]) -> None:
    assert in_vain(**given) == ()


def test_the_gateways_own_parameters_are_not_sent() -> None:
    assert body(metadata={"a": "b"}, max_tool_calls=3) == body()


def test_strict_tools_are_named_where_a_model_cannot_be_held_to_them() -> None:
    tools = (TOOL, FunctionTool("f", strict=True))
    assert in_vain(OLDEST, tools=tools) == ("tools[1].strict",)
    assert in_vain(tools=tools) == ()


def test_user_text_is_not_changed() -> None:
    odd = "  \u2028 e\u0301 \t"
    request = to_upstream(ask(said(odd + "x")), PROFILE)
    assert request["messages"][0]["content"][0]["text"] == odd + "x"
