"""Choose a provider's profile, by name or by its URL, and apply its overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

from app.logs.redaction import name_or_hidden
from app.providers.profiles.hosts import profile_by_url
from app.providers.profiles.profile import GENERIC, Profile
from app.providers.profiles.servers import SERVERS
from app.providers.profiles.vendors import VENDORS
from app.settings import Api, ProviderSettings, SettingsError
from app.settings.tables import did_you_mean

PROFILES: dict[str, Profile] = {each.name: each for each in (GENERIC, *VENDORS, *SERVERS)}

#: Quirks of a server in only one of its formats.
_IN_FORMAT: dict[tuple[str, Api], Mapping[str, Any]] = {
    # ggml-org/llama.cpp, tools/server/server-chat.cpp: both formats read reasoning in the input.
    ("llamacpp", "responses"): {"logprobs": False, "plain_reasoning": True},
    ("llamacpp", "anthropic_messages"): {"parallel_tool_calls": False, "plain_reasoning": True},
    # ollama/ollama, openai/responses.go: the text of reasoning is its encrypted_content, which is
    # all that is read of it in the input; anthropic/anthropic.go: thinking, signed or not.
    ("ollama", "responses"): {"encrypted_reasoning": True},
    ("ollama", "anthropic_messages"): {"plain_reasoning": True},
    # sgl-project/sglang, serving_responses.py: reasoning in the input, by its text.
    ("sglang", "responses"): {"plain_reasoning": True},
    # developers.openai.com, "Counting tokens"; docs.anthropic.com, "Token counting".
    ("openai", "responses"): {"input_counter": "beside", "hosted_items": True},
    # learn.microsoft.com, "Use the Azure OpenAI Responses API": its tools are OpenAI's.
    ("azure", "responses"): {"hosted_items": True},
    ("anthropic", "anthropic_messages"): {"input_counter": "beside"},
    # docs.aws.amazon.com/bedrock, "Inference using Anthropic Messages API": Claude reads files
    # there, and a key of Bedrock's is a bearer.
    ("bedrock", "anthropic_messages"): {"files": True, "bearer_key": True},
    # vllm-project/vllm: entrypoints/serve/tokenize for chats, count_tokens for Messages.
    ("vllm", "chat_completions"): {"input_counter": "tokenize"},
    # vllm-project/vllm PR 28248: reasoning in the input, for gpt-oss and all other models.
    ("vllm", "responses"): {"plain_reasoning": True},
    ("vllm", "anthropic_messages"): {"input_counter": "beside"},
    # docs.anthropic.com, "OpenAI SDK compatibility": the field exists in its own format only.
    ("anthropic", "chat_completions"): {"service_tier": False},
    # api-docs.deepseek.com, "Anthropic API": of output_config it honours only the effort.
    ("deepseek", "anthropic_messages"): {"text_format": False},
    # fish2lab/DSCodex: a 422 for parts of all but four kinds.
    ("deepseek", "responses"): {"refusals": False},
    # docs.x.ai, "Maximizing cache hits": a field of Responses; in Chat it is a header.
    ("xai", "responses"): {"prompt_cache_key": True},
}

#: The quirks that `prompt_cache` of gateway.toml sets.
_CACHING: Mapping[str, Mapping[str, Any]] = {
    "auto": {"cache_control": True},
    "off": {"cache_control": False},
}


def profile_of(settings: ProviderSettings, learned: str | None = None) -> Profile:
    """Return the profile that is named, or recognised by the base URL, with its overrides.

    `learned` names the profile that the server's answers point to: it is used if neither is known.

    Raises:
        SettingsError: the profile or a quirk is unknown, or a quirk has an invalid value.
    """
    where, path = f"[providers.{settings.name}]", ("providers", settings.name)
    name = settings.profile or profile_by_url(settings.base_url)
    if name == GENERIC.name and not settings.profile and learned:
        name = learned
    if name not in PROFILES:
        known = ", ".join(sorted(PROFILES))
        hint = did_you_mean(name, PROFILES)
        raise SettingsError(
            f"{where} profile {name_or_hidden(name)!r} is none of {known}{hint}",
            path=(*path, "profile"),
        )
    # MEASURED: this is a third of the cost of making a provider, and most have no quirks.
    hints = get_type_hints(Profile) if settings.quirks else {}
    for quirk, value in settings.quirks.items():
        reason = _fault_of(quirk, value, hints)
        if reason is not None:
            raise SettingsError(f"{where} quirks: {reason}", path=(*path, "quirks", quirk))
    in_format = _IN_FORMAT.get((name, settings.api), {})
    caching = {} if settings.prompt_cache is None else _CACHING[settings.prompt_cache]
    reasoning = {"reasoning_text": True} if settings.reasoning_text else {}
    return replace(PROFILES[name], **{**in_format, **caching, **reasoning, **settings.quirks})


def _fault_of(quirk: str, value: object, hints: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a quirk of gateway.toml; `hints` are the types of a profile."""
    if quirk == "name" or quirk not in hints:
        names = sorted(field.name for field in fields(Profile) if field.name != "name")
        hint = did_you_mean(quirk, names)
        return f"{name_or_hidden(quirk)!r} is not known{hint}; there are {', '.join(names)}"
    return None if _fits(value, hints[quirk]) else f"{quirk} must be {_wanted(hints[quirk])}"


def _fits(value: object, hint: object) -> bool:
    choices = get_args(hint)
    return value in choices if choices else type(value) is hint


def _wanted(hint: object) -> str:
    if choices := get_args(hint):
        return "one of " + ", ".join(choices)
    return "true or false" if hint is bool else "a string"
