"""What single servers and model families do differently, as data: nothing branches on a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

from app.logs.redaction import name_or_hidden
from app.settings import Api, ProviderSettings, SettingsError

#: How much of tool_choice is understood: all of it; all but allowed_tools; only auto, none and
#: required; nothing, so that the field is never sent.
ToolChoiceForm = Literal["full", "named", "modes", "never"]
#: Where the effort goes: a field of that name, OpenRouter's object, the chat template, nowhere.
EffortField = Literal["reasoning_effort", "reasoning", "chat_template_kwargs", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The quirks of a server. The defaults are those of one that knows its format's whole API.

    All formats:
        whole: whether an answer that is wanted whole is asked for whole; else it is streamed to
            us, because that server works on when the caller of a whole answer hangs up.
        object_arguments: whether the arguments of calls in the history must be a JSON object;
            what a model wrote that is none is wrapped into one.
        one_system: whether only one system message may lead; several are joined then.

    Chat Completions:
        max_tokens: the field for the output's bound.
        developer_role: whether there is one; else such messages, and instructions, are `system`.
        text_arrays: whether several text parts stay apart; else they are one string.
        images, files: whether such parts are read; else they are refused.
        strict_tools, parallel_tool_calls, stream_options: whether the field may be sent.
        tool_choice: see ToolChoiceForm. What is not understood is said by leaving tools out.
        json_schema: whether answers can be held to one; else the model is told it in words, and
            `json_object` is asked for where that is known.
        effort: see EffortField. `coarse_effort` says that only low, medium and high are known
            (and none, which turns thinking off), `thinking_switch` that none has its own field.
        reasoning_field: the field of an assistant message in which the reasoning that led to its
            tool calls is sent back while the model is still working on the turn; "" drops it.
        tells_reasoning: whether its reasoning can be read in its answers.
        metadata: whether metadata is sent; OpenAI keeps the conversation then (`store`).
        The others name a parameter, and say whether it may be sent.

    Responses:
        text_format: whether text.format is heeded; else `response_format` says it, as in Chat.
        encrypted_reasoning: whether reasoning can be asked for, and sent back, encrypted.
        refusals: whether refusals are read in the input; else they are told as text.
        tells_cut: whether an answer that was cut says so; else one that is as long as it might
            be was cut.

    A quirk that is named here under one format has, where it makes sense, the same meaning in
    the others.
    """

    name: str = "generic"
    whole: bool = True
    object_arguments: bool = False
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    developer_role: bool = False
    text_arrays: bool = False
    one_system: bool = False
    images: bool = True
    files: bool = True
    strict_tools: bool = True
    tool_choice: ToolChoiceForm = "named"
    parallel_tool_calls: bool = True
    stream_options: bool = True
    json_schema: bool = True
    json_object: bool = True
    effort: EffortField = "reasoning_effort"
    coarse_effort: bool = False
    thinking_switch: bool = False
    reasoning_field: str = ""
    tells_reasoning: bool = True
    verbosity: bool = True
    logprobs: bool = True
    seed: bool = True
    penalties: bool = True
    user: bool = True
    service_tier: bool = True
    safety_identifier: bool = True
    prompt_cache_key: bool = True
    prompt_cache_retention: bool = True
    metadata: bool = False
    text_format: bool = True
    encrypted_reasoning: bool = True
    refusals: bool = True
    tells_cut: bool = True


_GENERIC = Profile()
#: A server that runs open models: it knows the core of the API and none of OpenAI's services.
_OPEN = replace(
    _GENERIC,
    object_arguments=True,
    one_system=True,
    files=False,
    strict_tools=False,
    coarse_effort=True,
    verbosity=False,
    service_tier=False,
    safety_identifier=False,
    prompt_cache_key=False,
    prompt_cache_retention=False,
    encrypted_reasoning=False,
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        _GENERIC,
        replace(
            _GENERIC,
            name="openai",
            max_tokens="max_completion_tokens",
            developer_role=True,
            text_arrays=True,
            tool_choice="full",
            tells_reasoning=False,
        ),
        replace(_OPEN, name="vllm"),
        replace(
            _OPEN,
            name="llamacpp",
            # It looks for a caller who hung up once a second, and begins that second anew with
            # each token of any other answer. A stream it ends at once.
            whole=False,
            # A named function is taken for "auto" there.
            tool_choice="modes",
            effort="chat_template_kwargs",
            reasoning_field="reasoning_content",
            user=False,
            text_format=False,
            refusals=False,
            tells_cut=False,
        ),
        replace(_OPEN, name="ollama", tool_choice="never", parallel_tool_calls=False, user=False),
        replace(
            _OPEN,
            name="deepseek",
            images=False,
            parallel_tool_calls=False,
            json_schema=False,
            thinking_switch=True,
            # Wanted back within a turn of tool calls, unread after it.
            reasoning_field="reasoning_content",
            seed=False,
            user=False,
        ),
        replace(
            _GENERIC,
            name="openrouter",
            effort="reasoning",
            reasoning_field="reasoning",
            service_tier=False,
            safety_identifier=False,
            prompt_cache_key=False,
            prompt_cache_retention=False,
            encrypted_reasoning=True,
        ),
        replace(
            _GENERIC,
            name="anthropic",
            # These are about its Chat Completions, which it offers for trying out.
            strict_tools=False,
            json_schema=False,
            json_object=False,
            effort="none",
            verbosity=False,
            logprobs=False,
            seed=False,
            penalties=False,
            user=False,
            service_tier=False,
            safety_identifier=False,
            prompt_cache_key=False,
            prompt_cache_retention=False,
        ),
    )
}

#: What a server does differently in one of its formats.
_IN_FORMAT: dict[tuple[str, Api], Mapping[str, Any]] = {
    ("llamacpp", "responses"): {"logprobs": False},
    ("llamacpp", "anthropic_messages"): {"parallel_tool_calls": False},
}

#: Whose base URL tells what they are: a host, or the end of one.
_HOSTS = {
    "api.openai.com": "openai",
    ".openai.azure.com": "openai",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.anthropic.com": "anthropic",
}
_PORTS = {11434: "ollama"}

#: Models that reason before they answer and refuse sampling parameters for it (R5).
_REASONING = ("o1", "o1-*", "o3", "o3-*", "o4", "o4-*", "gpt-5*", "codex-mini*")
_NOT_REASONING = ("gpt-5*-chat*",)


@lru_cache(maxsize=1024)
def is_reasoning_model(model: str) -> bool:
    """Tell whether an upstream's model, with or without a vendor before it, is known to reason."""
    name = model.rpartition("/")[2].lower().removeprefix("ft:")
    return _matches(name, _REASONING) and not _matches(name, _NOT_REASONING)


def profile_of(settings: ProviderSettings) -> Profile:
    """Return the profile that is named, or guessed from the base URL, with its overrides.

    Raises:
        SettingsError: when the profile or a quirk is not known, or a quirk's value is none of its.
    """
    where = f"[providers.{settings.name}]"
    name = settings.profile or _guess(settings.base_url)
    if name not in PROFILES:
        raise SettingsError(
            f"{where} profile {name_or_hidden(name)!r} is none of {', '.join(sorted(PROFILES))}"
        )
    hints = get_type_hints(Profile)
    for quirk, value in settings.quirks.items():
        if quirk == "name" or quirk not in hints:
            known = ", ".join(
                sorted(field.name for field in fields(Profile) if field.name != "name")
            )
            raise SettingsError(
                f"{where} quirks: {name_or_hidden(quirk)!r} is not known; there are {known}"
            )
        if not _fits(value, hints[quirk]):
            raise SettingsError(f"{where} quirks: {quirk} must be {_wanted(hints[quirk])}")
    in_format = _IN_FORMAT.get((name, settings.api), {})
    return replace(PROFILES[name], **{**in_format, **settings.quirks})


def _guess(base_url: str) -> str:
    url = urlsplit(base_url)
    host = url.hostname or ""
    for known, name in _HOSTS.items():
        if host == known or (known.startswith(".") and host.endswith(known)):
            return name
    return _PORTS.get(url.port or 0, "generic")


def _fits(value: object, hint: object) -> bool:
    choices = get_args(hint)
    return value in choices if choices else type(value) is hint


def _wanted(hint: object) -> str:
    if choices := get_args(hint):
        return "one of " + ", ".join(choices)
    return "true or false" if hint is bool else "a string"


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
