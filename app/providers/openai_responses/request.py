"""A request in the words of an upstream that speaks Responses itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from app.domain.request import (
    INCLUDE_ENCRYPTED,
    INCLUDE_LOGPROBS,
    PLAIN_TEXT,
    JsonSchemaFormat,
    ModelRequest,
    Parameters,
    ReasoningOptions,
    TextOptions,
)
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.openai_responses.items import to_items, with_one_system
from app.providers.profiles import Profile, is_tier_in_vain, may_reason, tier_name
from app.providers.reading.phases import phases_in_vain

Json = dict[str, Any]

#: Parameters that have the same name there -> the quirk that says whether they may be sent.
_SAME = {
    "temperature": "",
    "top_p": "",
    "presence_penalty": "penalties",
    "frequency_penalty": "penalties",
    "user": "user",
    "safety_identifier": "safety_identifier",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_retention": "prompt_cache_retention",
}
#: Their values, all at once: most requests give none.
_same = attrgetter(*_SAME)
_NONE_GIVEN = (None,) * len(_SAME)
_COARSE = {"minimal": "low", "xhigh": "high", "max": "high"}


def to_upstream(request: ModelRequest, profile: Profile) -> Json:
    """Return the body of POST /v1/responses. The upstream shall store nothing.

    Raises:
        InvalidRequest: something cannot be told in this server's words.
    """
    asked = request.parameters
    instructions, items = asked.instructions, request.items
    if profile.one_system:
        instructions, items = with_one_system(instructions, items)
    body: Json = {
        "model": request.model,
        "input": to_items(items, profile, thinks=may_reason(request.model)),
        "store": False,
        "stream": request.stream,
    }
    if instructions is not None:
        body["instructions"] = instructions
    limit = asked.max_output_tokens or request.max_output_tokens_default
    if limit is not None:
        body["max_output_tokens"] = limit
    body |= _known(asked, profile)
    if include := _include(request, profile):
        body["include"] = include
    if asked.top_logprobs and profile.logprobs:
        body["top_logprobs"] = asked.top_logprobs
    if asked.reasoning is not None:
        body |= _reasoning(asked.reasoning, profile)
    if asked.text is not PLAIN_TEXT:
        body |= _text(asked.text, profile)
    if asked.tools:
        body |= _tools(asked, profile)
    return body


def ignored(request: ModelRequest, profile: Profile) -> tuple[str, ...]:
    """Name what the caller asked for and this server cannot honour."""
    asked = request.parameters
    names = [] if profile.phase else phases_in_vain(request.items)
    if (values := _same(asked)) != _NONE_GIVEN:
        for (name, quirk), value in zip(_SAME.items(), values, strict=True):
            if value is not None and not _knows(profile, quirk):
                names.append(name)
    if is_tier_in_vain(asked.service_tier, profile):
        names.append("service_tier")
    names += _ignored_shape(asked, profile)
    if asked.tools:
        names += _ignored_tools(asked, profile)
    return tuple(names)


def _ignored_shape(asked: Parameters, profile: Profile) -> Iterator[str]:
    if asked.seed is not None:
        yield "seed"  # the format has no such field
    if asked.reasoning is not None:
        untold = profile.effort == "none"
        if (effort := asked.reasoning.effort) is not None and (
            untold or (profile.coarse_effort and effort in _COARSE)
        ):
            yield "reasoning.effort"
        if untold and asked.reasoning.summary not in (None, "none"):
            yield "reasoning.summary"
    if asked.text.verbosity is not None and not profile.verbosity:
        yield "text.verbosity"
    if not profile.logprobs:
        if asked.top_logprobs:
            yield "top_logprobs"
        if INCLUDE_LOGPROBS in asked.include:
            yield "include"


def _ignored_tools(asked: Parameters, profile: Profile) -> Iterator[str]:
    if not profile.strict_tools:
        for index, tool in enumerate(asked.tools):
            if tool.strict:
                yield f"tools[{index}].strict"
    if profile.tool_choice == "never":
        match asked.tool_choice:
            case "auto" | "none" | AllowedTools(mode="auto"):
                pass  # leaving tools out says as much
            case _:
                yield "tool_choice"
    if asked.parallel_tool_calls is False and not profile.parallel_tool_calls:
        yield "parallel_tool_calls"


def _known(asked: Parameters, profile: Profile) -> Json:
    """Return what was given of the parameters that have the same name there."""
    told: Json = {}
    if (values := _same(asked)) != _NONE_GIVEN:
        for (name, quirk), value in zip(_SAME.items(), values, strict=True):
            if value is not None and _knows(profile, quirk):
                told[name] = value
    if asked.service_tier and (tier := tier_name(asked.service_tier, profile)):
        told["service_tier"] = tier
    return told


def _knows(profile: Profile, quirk: str) -> bool:
    return not quirk or bool(getattr(profile, quirk))


def _include(request: ModelRequest, profile: Profile) -> list[str]:
    """Reasoning must come encrypted: an upstream that stores nothing cannot look it up."""
    include = []
    if profile.encrypted_reasoning and may_reason(request.model):
        include.append(INCLUDE_ENCRYPTED)
    if INCLUDE_LOGPROBS in request.parameters.include and profile.logprobs:
        include.append(INCLUDE_LOGPROBS)
    return include


def _reasoning(asked: ReasoningOptions, profile: Profile) -> Json:
    if profile.effort == "none":
        return {}
    told: Json = {}
    if (effort := asked.effort) is not None:
        told["effort"] = _COARSE.get(effort, effort) if profile.coarse_effort else effort
    if asked.summary not in (None, "none"):
        told["summary"] = asked.summary
    return {"reasoning": told} if told else {}


def _text(asked: TextOptions, profile: Profile) -> Json:
    told: Json = {}
    if asked.verbosity is not None and profile.verbosity:
        told["verbosity"] = asked.verbosity
    wanted = asked.format
    if wanted == "text":
        return {"text": told} if told else {}
    if profile.text_format:
        return {"text": told | {"format": _format(wanted)}}
    form = _format(wanted)
    if isinstance(wanted, JsonSchemaFormat):
        form = {"type": "json_schema", "json_schema": _named_schema(wanted)}
    return ({"text": told} if told else {}) | {"response_format": form}


def _format(wanted: str | JsonSchemaFormat) -> Json:
    if isinstance(wanted, JsonSchemaFormat):
        return {"type": "json_schema"} | _named_schema(wanted)
    return {"type": wanted}


def _named_schema(wanted: JsonSchemaFormat) -> Json:
    told = {
        "name": wanted.name,
        "description": wanted.description,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }
    return {name: value for name, value in told.items() if value is not None}


def _tools(asked: Parameters, profile: Profile) -> Json:
    tools, choice = _choice(asked, profile)
    if not tools:
        return {}
    told: Json = {"tools": [_tool(tool, profile) for tool in tools]}
    if choice != "auto":
        told["tool_choice"] = choice
    if asked.parallel_tool_calls is not None and profile.parallel_tool_calls:
        told["parallel_tool_calls"] = asked.parallel_tool_calls
    return told


def _tool(tool: FunctionTool, profile: Profile) -> Json:
    """Return a tool with what was given only: this upstream has defaults of its own (R14)."""
    told = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict if profile.strict_tools else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _choice(asked: Parameters, profile: Profile) -> tuple[tuple[FunctionTool, ...], str | Json]:
    """Return the tools to show and the choice to name.

    A choice that the server does not understand is made by showing it other tools.
    """
    choice, known = asked.tool_choice, profile.tool_choice
    if isinstance(choice, NamedFunction):
        if known in ("full", "named"):
            return asked.tools, {"type": "function", "name": choice.name}
        return _named(asked.tools, (choice.name,)), "auto" if known == "never" else "required"
    if isinstance(choice, AllowedTools):
        if known == "full":
            allowed = [{"type": "function", "name": name} for name in choice.names]
            return asked.tools, {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
        mode = "auto" if known == "never" else choice.mode
        return _named(asked.tools, choice.names), mode
    if known == "never":
        return () if choice == "none" else asked.tools, "auto"
    return asked.tools, choice


def _named(tools: tuple[FunctionTool, ...], names: tuple[str, ...]) -> tuple[FunctionTool, ...]:
    return tuple(tool for tool in tools if tool.name in names)
