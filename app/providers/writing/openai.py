"""Request fields that OpenAI's two formats, Chat Completions and Responses, share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, assert_never

from app.domain.request import INCLUDE_LOGPROBS, Parameters
from app.domain.tools import AllowedTools, NamedFunction, Tool, ToolChoice, only
from app.providers.profiles import Profile, listed_effort
from app.schemas.request.tools.known import written_once

Json = dict[str, Any]

#: The nearest effort where only low, medium and high are known.
_COARSE = {"minimal": "low", "xhigh": "high", "max": "high"}


T = TypeVar("T", bound=Tool)


@dataclass(frozen=True, slots=True)
class ToolWords(Generic[T]):
    """A format's functions to write a tool, the choice of one, and the choice among several."""

    tool: Callable[[T, Profile], Json]
    named: Callable[[NamedFunction], Json]
    allowed: Callable[[str, Sequence[NamedFunction]], Json]


def bearer(key: str | None, header: str) -> dict[str, str]:
    """Return the header with a provider's key; a token of three parts is always a bearer token.

    Azure expects its keys in `api-key`, and tokens of its directory in `Authorization`.
    """
    if not key:
        return {}
    if header == "Authorization" or key.count(".") == 2:
        return {"Authorization": f"Bearer {key}"}
    return {header: key}


def tool_fields(
    parameters: Parameters,
    tools: tuple[T, ...],
    profile: Profile,
    words: ToolWords[T],
    *,
    has_others: bool = False,
) -> Json:
    """Return the request fields for the parameters' tools; {} if none may be called.

    `tools` are these in forms that the server knows; `has_others` says that the input adds more.
    """
    offered, choice = _choice(parameters.tool_choice, tools, profile, words)
    if not offered and not has_others:
        return {}
    fields: Json = {}
    if offered:
        fields["tools"] = written_once(
            offered, words.tool, profile, lambda: [words.tool(tool, profile) for tool in offered]
        )
    if choice is not None:
        fields["tool_choice"] = choice
    if parameters.parallel_tool_calls is not None and profile.parallel_tool_calls:
        fields["parallel_tool_calls"] = parameters.parallel_tool_calls
    return fields


def _choice(
    choice: ToolChoice, tools: tuple[T, ...], profile: Profile, words: ToolWords[T]
) -> tuple[tuple[T, ...], str | Json | None]:
    """Return the tools and the tool_choice to send, in the forms that the server supports.

    A choice that it does not support is expressed by sending fewer tools. "auto" is every server's
    default: it is None here.
    """
    form = profile.tool_choice
    match choice:
        case "auto":
            return tools, None
        case "none":
            return ((), None) if form == "never" else (tools, "none")
        case "required":
            return tools, None if form == "never" else "required"
        case NamedFunction():
            if form in ("full", "named"):
                return tools, words.named(choice)
            return only(tools, (choice,)), None if form == "never" else "required"
        case AllowedTools(mode=mode):
            if form == "full":
                return tools, words.allowed(mode, choice.tools)
            forced = mode == "required" and form != "never"
            return only(tools, choice.tools), "required" if forced else None
        case _:
            assert_never(choice)


def ignored_tools(parameters: Parameters, profile: Profile) -> Iterator[str]:
    """Yield the parameters about tools that the server cannot honour."""
    if not profile.strict_tools:
        for index, tool in enumerate(parameters.functions):
            if tool.strict:
                yield f"tools[{index}].strict"
    match parameters.tool_choice:
        case "auto" | "none" | AllowedTools(mode="auto"):
            pass  # leaving tools out has the same effect
        case _:
            if profile.tool_choice == "never":
                yield "tool_choice"
    if parameters.parallel_tool_calls is False and not profile.parallel_tool_calls:
        yield "parallel_tool_calls"


def ignored_logprobs(parameters: Parameters) -> Iterator[str]:
    """Yield the parameters about log probabilities, for a server that gives none."""
    if parameters.top_logprobs:
        yield "top_logprobs"
    if INCLUDE_LOGPROBS in parameters.include:
        yield "include"


def effort_sent(effort: str, profile: Profile, model: str) -> str | None:
    """Return the effort to send: the nearest one that is known (R10); None if none is."""
    if profile.effort == "listed":
        return listed_effort(model, effort)
    return _COARSE.get(effort, effort) if profile.coarse_effort else effort
