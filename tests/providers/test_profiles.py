"""Quirks are data: named, guessed from the URL, overridden, and refused when unknown."""

from __future__ import annotations

from typing import Any

import pytest

from app.providers.profiles import PROFILES, is_reasoning_model, profile_of, sampling_efforts
from app.settings import Api, ProviderSettings, SettingsError
from app.settings.values import PromptCache


def settings(**others: Any) -> ProviderSettings:
    return ProviderSettings(name="acme", api="chat_completions", **others)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure"),
        (
            "https://acme.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21",
            "azure-deployments",
        ),
        ("https://acme.services.ai.azure.com/openai/v1/", "azure"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "bedrock"),
        ("https://bedrock-mantle.us-east-1.api.aws/v1", "bedrock"),
        (
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi",
            "vertex",
        ),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://api.x.ai/v1", "xai"),
        ("https://api.moonshot.cn/v1", "moonshot"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://w1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://api-inference.modelscope.cn/v1", "dashscope"),
        ("https://aliyuncs.com.acme.test/v1", "generic"),
        ("https://api.z.ai/api/paas/v4", "zai"),
        ("https://api.minimax.io/v1", "minimax"),
        ("https://api.together.xyz/v1", "together"),
        ("https://api.fireworks.ai/inference/v1", "fireworks"),
        ("https://api.perplexity.ai", "perplexity"),
        ("http://localhost:1234/v1", "lmstudio"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com.acme.test/v1", "generic"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.anthropic.com/v1", "anthropic"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://localhost:8000/v1", "generic"),
        ("https://api.openai.com.acme.test/v1", "generic"),
        ("https://notopenrouter.ai/v1", "generic"),
    ],
)
def test_a_profile_is_guessed_from_the_url(url: str, name: str) -> None:
    assert profile_of(settings(base_url=url)).name == name


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_can_be_named(name: str) -> None:
    named = profile_of(settings(base_url="https://api.openai.com/v1", profile=name))
    assert named.name == name


def test_single_quirks_can_be_overridden() -> None:
    quirks = {"images": False, "tool_choice": "modes", "reasoning_field": "thoughts"}
    profile = profile_of(settings(quirks=quirks))
    assert {name: getattr(profile, name) for name in quirks} == quirks


@pytest.mark.parametrize(
    ("host", "said", "marks"),
    [
        ("api.anthropic.com", None, True), ("api.anthropic.com", "auto", True),
        ("api.anthropic.com", "off", False), ("relay.example", None, False),
        ("relay.example", "auto", True), ("relay.example", "off", False),
    ],
)  # fmt: skip
def test_prompts_are_marked_for_a_cache_that_is_known_or_configured(
    host: str, said: PromptCache | None, marks: bool
) -> None:
    given = settings(base_url=f"https://{host}/v1", prompt_cache=said)
    assert profile_of(given).cache_control is marks


def test_a_server_may_differ_in_one_of_its_formats() -> None:
    apis: list[Api] = ["chat_completions", "responses", "anthropic_messages"]
    found = [profile_of(ProviderSettings(name="acme", api=api, profile="llamacpp")) for api in apis]
    assert [profile.logprobs for profile in found] == [True, False, True]
    assert [profile.parallel_tool_calls for profile in found] == [True, True, False]


def test_claude_reads_files_at_bedrock_too() -> None:
    apis: list[Api] = ["chat_completions", "anthropic_messages"]
    found = [profile_of(ProviderSettings(name="acme", api=api, profile="bedrock")) for api in apis]
    assert [(each.files, each.bearer_key) for each in found] == [(False, False), (True, True)]


def test_a_quirk_that_is_overridden_is_so_in_every_format() -> None:
    acme = ProviderSettings(
        name="acme", api="responses", profile="llamacpp", quirks={"logprobs": True}
    )
    assert profile_of(acme).logprobs


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            {"profile": "acme"},
            "profile 'acme' is none of anthropic, azure, azure-deployments",
        ),
        ({"quirks": {"colour": True}}, "'colour' is not known; there are bearer_key, "),
        ({"quirks": {"name": "x"}}, "'name' is not known"),
        ({"quirks": {"images": 1}}, "images must be true or false"),
        ({"quirks": {"reasoning_field": True}}, "reasoning_field must be a string"),
        ({"quirks": {"max_tokens": "tokens"}}, "max_tokens must be one of max_tokens, max_comp"),
    ],
)
def test_what_is_not_known_is_refused(others: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=rf"^\[providers.acme\].*{said}"):
        profile_of(settings(**others))


@pytest.mark.parametrize(
    "model",
    ["o1", "o1-mini", "o3", "o3-2025-04-16", "o4-mini", "gpt-5", "gpt-5-mini", "gpt-5.2",
     "codex-mini-latest", "openai/o3", "GPT-5", "ft:o4-mini:acme"],
)  # fmt: skip
def test_a_reasoning_model_is_known(model: str) -> None:
    assert is_reasoning_model(model)


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "claude-opus-4", "o", "o12", "omni"]
)
def test_other_models_are_none(model: str) -> None:
    assert not is_reasoning_model(model)


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("gpt-4o", None),
        ("gpt-5-chat-latest", None),
        ("o3", frozenset()),
        ("gpt-5", frozenset()),
        ("gpt-5-mini-2025-08-07", frozenset()),
        ("gpt-5-pro", frozenset()),
        ("gpt-5.1", frozenset(("none", None))),
        ("openai/gpt-5.2-2025-12-11", frozenset(("none", None))),
        ("gpt-5.2-pro", frozenset()),
        ("gpt-5.1-codex-max", frozenset()),
        ("gpt-5.2-codex", frozenset()),
        ("gpt-5.3-codex", frozenset(("none", None))),
        ("gpt-5.4-mini", frozenset(("none", None))),
        ("gpt-5.5", frozenset(("none",))),
        ("gpt-5.5-pro", frozenset()),
        ("gpt-5.6-sol", frozenset(("none",))),
    ],
)
def test_sampling_parameters_are_taken_where_a_model_does_not_reason(
    model: str, efforts: frozenset[str | None] | None
) -> None:
    assert sampling_efforts(model, None) == efforts
    assert sampling_efforts(model, reasons=False) is None


def test_a_model_that_is_configured_to_reason_takes_none() -> None:
    assert sampling_efforts("my-deployment", reasons=True) == frozenset()
    assert sampling_efforts("gpt-5.2", reasons=True) == frozenset(("none", None))
