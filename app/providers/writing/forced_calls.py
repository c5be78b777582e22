"""Turn thinking off where a model can only be forced to call a tool without it (U7). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.domain.answer_options import ReasoningOptions
from app.domain.request import ModelRequest
from app.domain.tools import AllowedTools, NamedFunction
from app.providers.profiles import Profile, may_reason

_QUIET = ReasoningOptions("none")


def is_forced(request: ModelRequest) -> bool:
    """Tell whether the model must call a tool at once."""
    match request.parameters.tool_choice:
        case "required" | NamedFunction() | AllowedTools(mode="required"):
            return bool(request.parameters.tools)
        case _:
            return False


def as_taken(request: ModelRequest, profile: Profile) -> ModelRequest:
    """Return the request, without thinking if the server does not allow it with a forced call."""
    if not (profile.quiet_calls and is_forced(request) and may_reason(request)):
        return request
    return replace(request, parameters=replace(request.parameters, reasoning=_QUIET))


def ignored_thoughts(request: ModelRequest, taken: ModelRequest) -> Iterator[str]:
    """Yield the reasoning parameters that `as_taken` has dropped."""
    options = request.parameters.reasoning
    if taken is request or options is None:
        return
    if options.effort not in (None, "none"):
        yield "reasoning.effort"
    if options.summary not in (None, "none"):
        yield "reasoning.summary"
