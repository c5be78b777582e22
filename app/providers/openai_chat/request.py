"""A request in the words of Chat Completions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, assert_never

import orjson

from app.domain.request import (
    INCLUDE_LOGPROBS,
    PLAIN_TEXT,
    JsonSchemaFormat,
    ModelRequest,
    Parameters,
    ReasoningOptions,
    TextFormat,
    TextOptions,
)
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.openai_chat.messages import to_messages
from app.providers.profiles import Profile, is_tier_in_vain, may_reason, tier_name
from app.providers.reading.phases import phases_in_vain

Json = dict[str, Any]

#: Parameters that have the same name there -> the quirk that says whether they may be sent.
_SAME = {
    "temperature": "",
    "top_p": "",
    "presence_penalty": "penalties",
    "frequency_penalty": "penalties",
    "seed": "seed",
    "user": "user",
    "safety_identifier": "safety_identifier",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_retention": "prompt_cache_retention",
}
#: Their values, all at once.
_same = attrgetter(*_SAME)
_NONE_GIVEN = (None,) * len(_SAME)
_COARSE = {"minimal": "low", "xhigh": "high", "max": "high"}
_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def to_upstream(request: ModelRequest, profile: Profile) -> Json:
    """Return the body that asks `request` of a server with these quirks.

    Raises:
        InvalidRequest: when it cannot be told in this server's words.
    """
    asked = request.parameters
    body: Json = {
        "model": request.model,
        "messages": to_messages(
            _instructions(asked, profile),
            request.items,
            profile,
            request.model,
            thinks=may_reason(request.model),
        ),
        "stream": request.stream,  # always said: some servers stream unless told not to
    }
    if request.stream and profile.stream_options:
        body["stream_options"] = {"include_usage": True}
    limit = asked.max_output_tokens or request.max_output_tokens_default
    if limit is not None:
        body[profile.max_tokens] = limit
    # MEASURED: most requests say little, and looking for what they do not say took 20 µs.
    if (values := _same(asked)) != _NONE_GIVEN:
        body |= _known(values, profile)
    if asked.service_tier and (tier := tier_name(asked.service_tier, profile)):
        body["service_tier"] = tier
    if asked.tools:
        body.update(_tools(asked, profile))
    if asked.reasoning is not None:
        body.update(_reasoning(asked.reasoning, profile))
    if asked.text is not PLAIN_TEXT:
        body.update(_text(asked.text, profile))
    if asked.top_logprobs or asked.include or asked.metadata:
        body.update(_extras(asked, profile))
    return body


def ignored(request: ModelRequest, profile: Profile) -> tuple[str, ...]:
    """Name what the caller asked for and this server cannot honour."""
    asked = request.parameters
    names = [*_ignored_same(asked, profile), *phases_in_vain(request.items)]
    if asked.tools:
        names += _ignored_tools(asked, profile)
    if asked.reasoning is not None:
        names += _ignored_reasoning(asked.reasoning, profile)
    if asked.text is not PLAIN_TEXT:
        names += _ignored_text(asked.text, profile)
    if not profile.logprobs:
        if asked.top_logprobs:
            names.append("top_logprobs")
        if INCLUDE_LOGPROBS in asked.include:
            names.append("include")
    return tuple(names)


def _ignored_same(asked: Parameters, profile: Profile) -> Iterator[str]:
    if (values := _same(asked)) != _NONE_GIVEN:
        for (name, quirk), value in zip(_SAME.items(), values, strict=True):
            if value is not None and not _knows(profile, quirk):
                yield name
    if is_tier_in_vain(asked.service_tier, profile):
        yield "service_tier"


def _ignored_tools(asked: Parameters, profile: Profile) -> Iterator[str]:
    if not profile.strict_tools:
        for index, tool in enumerate(asked.tools):
            if tool.strict:
                yield f"tools[{index}].strict"
    match asked.tool_choice:
        case "auto" | "none" | AllowedTools(mode="auto"):
            pass  # leaving tools out says as much
        case _:
            if profile.tool_choice == "never":
                yield "tool_choice"
    if asked.parallel_tool_calls is False and not profile.parallel_tool_calls:
        yield "parallel_tool_calls"


def _ignored_reasoning(asked: ReasoningOptions, profile: Profile) -> Iterator[str]:
    if asked.effort is not None and not _is_effort_told(asked.effort, profile):
        yield "reasoning.effort"
    if asked.summary not in (None, "none") and not profile.tells_reasoning:
        yield "reasoning.summary"


def _is_effort_told(effort: str, profile: Profile) -> bool:
    """Tell whether the server is told of this very effort, and not of the nearest (R10)."""
    if effort == "none" and profile.thinking_switch:
        return True
    return profile.effort != "none" and not (profile.coarse_effort and effort in _COARSE)


def _ignored_text(asked: TextOptions, profile: Profile) -> Iterator[str]:
    if _in_words(asked.format, profile):
        yield "text.format"
    if asked.verbosity is not None and not profile.verbosity:
        yield "text.verbosity"


def _known(values: tuple[Any, ...], profile: Profile) -> Json:
    """Return what was given of the parameters that have, but for the seed, the same name there."""
    told = {
        name: value
        for (name, quirk), value in zip(_SAME.items(), values, strict=True)
        if value is not None and _knows(profile, quirk)
    }
    if "seed" in told and profile.seed_field != "seed":
        told[profile.seed_field] = told.pop("seed")
    return told


def _knows(profile: Profile, quirk: str) -> bool:
    return not quirk or bool(getattr(profile, quirk))


def _instructions(asked: Parameters, profile: Profile) -> list[str]:
    """Return what the model is told beforehand."""
    told = [asked.instructions] if asked.instructions else []
    if asked.text is not PLAIN_TEXT and (words := _in_words(asked.text.format, profile)):
        told.append(words)
    return told


def _in_words(form: TextFormat, profile: Profile) -> str | None:
    """Return in words the format that the server cannot hold the model to; None if it can."""
    if isinstance(form, JsonSchemaFormat) and not profile.json_schema:
        schema = orjson.dumps(form.schema).decode()
        return f"Answer with JSON only, valid against this JSON schema: {schema}"
    if form == "json_object" and not profile.json_object:
        return "Answer with a single JSON object only."
    return None


def _extras(asked: Parameters, profile: Profile) -> Json:
    told: Json = {}
    if profile.logprobs and (asked.top_logprobs or INCLUDE_LOGPROBS in asked.include):
        told["logprobs"] = True
        if asked.top_logprobs:
            told["top_logprobs"] = asked.top_logprobs
    if asked.metadata and profile.metadata:
        told["metadata"], told["store"] = asked.metadata, True
    return told


def _tools(asked: Parameters, profile: Profile) -> Json:
    tools, choice = _choice(asked, profile)
    if not tools:
        return {}
    told: Json = {"tools": [_tool(tool, profile) for tool in tools]}
    if choice is not None:
        told["tool_choice"] = choice
    if asked.parallel_tool_calls is not None and profile.parallel_tool_calls:
        told["parallel_tool_calls"] = asked.parallel_tool_calls
    return told


def _choice(
    asked: Parameters, profile: Profile
) -> tuple[tuple[FunctionTool, ...], str | Json | None]:
    """Return the tools to name and the tool_choice to send, by what the server understands of it.

    "auto" is what every server does when nothing is said.
    """
    tools, form = asked.tools, profile.tool_choice
    match asked.tool_choice:
        case "auto":
            return tools, None
        case "none":
            return ((), None) if form == "never" else (tools, "none")
        case "required":
            return tools, None if form == "never" else "required"
        case NamedFunction(name=name):
            if form in ("full", "named"):
                return tools, {"type": "function", "function": {"name": name}}
            return _only(tools, (name,)), None if form == "never" else "required"
        case AllowedTools(mode=mode, names=names):
            if form == "full":
                allowed = [{"type": "function", "function": {"name": name}} for name in names]
                inner = {"mode": mode, "tools": allowed}
                return tools, {"type": "allowed_tools", "allowed_tools": inner}
            forced = mode == "required" and form != "never"
            return _only(tools, names), "required" if forced else None
        case _:
            assert_never(asked.tool_choice)


def _only(tools: tuple[FunctionTool, ...], names: tuple[str, ...]) -> tuple[FunctionTool, ...]:
    return tuple(tool for tool in tools if tool.name in names)


def _tool(tool: FunctionTool, profile: Profile) -> Json:
    function: Json = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    if _says_strict(tool.strict, profile) and profile.strict_tools:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _says_strict(strict: bool | None, profile: Profile) -> bool:
    """Tell whether to send `strict`: false is what Chat takes for granted."""
    return bool(strict) or (strict is False and profile.strict_false)


def _reasoning(asked: ReasoningOptions, profile: Profile) -> Json:
    effort = asked.effort
    if effort is None:
        return {}
    if effort == "none" and profile.thinking_switch:
        return {"thinking": {"type": "disabled"}}
    level = _COARSE.get(effort, effort) if profile.coarse_effort else effort
    match profile.effort:
        case "reasoning_effort":
            return {"reasoning_effort": level}
        case "reasoning":
            return {"reasoning": {"effort": level}}
        case "chat_template_kwargs":
            off = {"enable_thinking": False}
            return {"chat_template_kwargs": off if level == "none" else {"reasoning_effort": level}}
        case "none":
            return {}
        case _:
            assert_never(profile.effort)


def _text(asked: TextOptions, profile: Profile) -> Json:
    told = _format(asked.format, profile)
    if asked.verbosity is not None and profile.verbosity:
        told["verbosity"] = asked.verbosity
    return told


def _format(form: TextFormat, profile: Profile) -> Json:
    match form:
        case "text":
            return {}
        case JsonSchemaFormat() if profile.json_schema:
            schema: Json = {"name": form.name, "schema": form.schema}
            if form.description is not None:
                schema["description"] = form.description
            if _says_strict(form.strict, profile):
                schema["strict"] = form.strict
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            return {"response_format": {"type": "json_object"}} if profile.json_object else {}
