"""What of a request is passed on unchanged, and which providers may answer it then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from app.domain.hosted.moderation import MODERATION, blocking
from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.domain.request import CreateRequest, Parameters
from app.domain.tools import (
    PROGRAMS,
    HostedTool,
    NamedHostedTool,
    Tool,
    choice_in_known_forms,
    hosted_types,
    in_known_forms,
    included,
    known_as,
)
from app.errors import InvalidRequest
from app.services.upstreams.catalog import Target

_NOTHING: Mapping[str, Any] = {}


def passing(targets: Sequence[Target], request: CreateRequest) -> tuple[Target, ...]:
    """Return the targets that can do everything in the request that no header can waive.

    The first usually can: the request was validated for its provider. A fallback must not answer
    if it would not be sent a moderation that blocks, which is a safety requirement (R22), or if it
    does not run the tool that the model has to use (P2).

    Raises:
        InvalidRequest: none of them can, because the configuration has changed.
    """
    can = tuple(each for each in targets if _can(each, request))
    if not can:
        what = "No provider of this model is sent what the request demands: ask again."
        raise InvalidRequest(what, param="model", code="unsupported_value")
    return can


def needs_passing(request: CreateRequest) -> bool:
    """Tell whether some providers may be unable to serve the request."""
    return bool(request.forwarded) or any(map(_is_hosted, request.parameters.tools))


def _can(target: Target, request: CreateRequest) -> bool:
    is_blocked = blocking(request.forwarded.get(MODERATION), MODERATION)
    if is_blocked and not target.provider.policy.forwards(MODERATION):
        return False
    tools = request.parameters.tools
    if not any(map(_is_hosted, tools)):
        return True
    choice = request.parameters.tool_choice
    known = target.provider.known_tools(target.upstream_model)
    if choice == "required":
        return bool(in_known_forms(tools, known))
    if isinstance(choice, str):
        return True
    left = choice_in_known_forms(choice, tools, known)
    must_call = isinstance(choice, NamedHostedTool) or getattr(choice, "mode", "") == "required"
    return not must_call or left not in ("auto", "none")


def forwarded_to(
    policy: PassPolicy, fields: Mapping[str, Any], parameters: Parameters
) -> Mapping[str, Any]:
    """Return the fields, by path, that a provider with this policy is sent unchanged (P1).

    They include parameters that the gateway knows if the policy names them: its operator knows
    better than a profile that the server accepts them.
    """
    if not policy.forward:
        return _NOTHING
    known = {name: _given(parameters, name) for name in policy.forward}
    named = {name: value for name, value in known.items() if value is not None}
    return named | {path: value for path, value in fields.items() if policy.forwards(path)}


def _given(parameters: Parameters, name: str) -> Any:
    """Return a parameter as the caller sent it, or None if it cannot be named by itself.

    How `reasoning` is sent depends on the model, which no policy changes.
    """
    match name:
        case "text.verbosity":
            return parameters.text.verbosity
        case "prompt_cache_options" if (options := parameters.prompt_cache_options) is not None:
            return {"mode": options.mode} | ({"ttl": options.ttl} if options.ttl else {})
        case _:
            value = getattr(parameters, name, None)
            return value if isinstance(value, str | int | float) else None


def left_out(
    request: CreateRequest,
    parameters: Parameters,
    forwarded: Mapping[str, Any],
    known: AbstractSet[str],
) -> tuple[str, ...]:
    """Name what was accepted in the request, but is not sent to a provider that knows `known`.

    `parameters` are the request's, with all changes that items have made.
    """
    if request.passed == NOTHING_PASSES:
        return ()
    names = [path for path in request.forwarded if path not in forwarded]
    tools = [tool for tool in parameters.tools if isinstance(tool, HostedTool)]
    lost = [tool for tool in tools if tool.known_as not in known]
    names += [tool.path for tool in lost if tool.path]
    if lost and _loses(parameters, known):
        names.append("tool_choice")
    names += _for_programs(parameters.tools, known)
    include = parameters.include
    taken = included(include, request.passed.hosted_tools)
    if len(taken) > len(included(include, hosted_types(known))):
        names.append("include")
    return tuple(names)


def _for_programs(tools: Iterable[Tool], known: AbstractSet[str]) -> list[str]:
    """Name the fields of tools that concern programs, if the provider runs none."""
    if known_as(PROGRAMS) in known:
        return []
    fields = ("allowed_callers", "output_schema")
    return [
        f"tools.{field}"
        for field in fields
        if any(getattr(tool, field, None) is not None for tool in tools)
    ]


def _loses(parameters: Parameters, known: AbstractSet[str]) -> bool:
    choice, tools = parameters.tool_choice, parameters.tools
    if isinstance(choice, str):
        return False
    left = choice_in_known_forms(choice, tools, known)
    chosen = getattr(choice, "names", (choice,))
    return left in ("auto", "none") or len(getattr(left, "names", (left,))) < len(chosen)


def _is_hosted(tool: Tool) -> bool:
    return isinstance(tool, HostedTool)
