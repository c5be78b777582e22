"""Tools that the model's provider runs itself: accepted unchanged if it receives them (P2)."""

from __future__ import annotations

from typing import Any

from app.domain.hosted.policy import undated
from app.domain.tools import HostedTool, NamedHostedTool, family
from app.errors import GatewayError, PermissionDenied
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Choice
from app.schemas.invalid import InvalidField, join, quoted
from app.schemas.request.tools.unsupported import (
    container_of,
    is_web_search,
    leave_out,
    unsupported,
)
from app.settings import HOSTED_TOOLS

_MOST_KEYS = 100
#: Choices have one more name for a computer.
CHOSEN_TYPES = (*HOSTED_TOOLS, "computer_use")


class InputHostedToolSchema(Document):
    about = (
        "A tool that the provider runs itself. It is sent to the provider unchanged; the "
        "provider's `hosted_tools` setting lists the types that it accepts. A dated type "
        "is the version of that date. Tokens, headers and the path of an MCP server's URL "
        "are not shown in responses."
    )

    type = Choice(*HOSTED_TOOLS, required=True)


class ChosenHostedToolSchema(Document):
    about = "The model must call this hosted tool; other keys are sent to the provider unchanged."

    type = Choice(*CHOSEN_TYPES, required=True)


def read_hosted(given: dict[str, Any], path: str, context: ReadContext) -> HostedTool | None:
    """Return a hosted tool; None if it is left out and listed as ignored.

    A web search that the key does not allow is left out like one that nobody runs (R7).

    Raises:
        PermissionDenied: the caller's key does not allow it.
        InvalidField: it has too many keys or levels, or the provider does not run it.
    """
    kind = given["type"]
    if container_of(given) is not None or not context.policy.passes(kind):
        leave_out(given, path, context)
        return None
    allowed = context.allowed_tools
    if allowed is not None and undated(kind) not in allowed:
        if not context.drops_unsupported and not is_web_search(kind):
            raise denied(kind, allowed, path)
        leave_out(given, path, context)
        return None
    _refuse_odd(given, path)
    return HostedTool(given, path)


def read_chosen(given: dict[str, Any], path: str, context: ReadContext) -> NamedHostedTool | None:
    """Return the choice of a hosted tool, None if it is not one."""
    if not any(family(given["type"]) == family(each) for each in context.policy.hosted_tools):
        return None
    _refuse_odd(given, path)
    return NamedHostedTool.of(given)


def left_alone(given: dict[str, Any], path: str, context: ReadContext) -> GatewayError:
    """Return the error for a tool that was left out, if no other remains (R7, P2)."""
    kind, allowed = given["type"], context.allowed_tools
    if is_web_search(kind) and allowed is not None and context.policy.passes(kind):
        return denied(kind, allowed, path)
    return unsupported(kind, path)


def denied(kind: str, allowed: tuple[str, ...], path: str) -> PermissionDenied:
    """Return the error for a tool that the caller's key does not allow."""
    rule = f"only these of them: {', '.join(allowed)}" if allowed else "none of them"
    return PermissionDenied(
        f"This key may not use {quoted(kind)}: of the tools that providers run it may use {rule}.",
        param=join(path, "type"),
        code="tool_not_allowed",
    )


def _refuse_odd(given: dict[str, Any], path: str) -> None:
    if len(given) > _MOST_KEYS:
        what = f"has {len(given)} keys: send at most {_MOST_KEYS}."
        raise InvalidField("invalid_value", path, what)
    if not is_shallow(given, MOST_NESTED):
        raise InvalidField("invalid_value", path, TOO_DEEP)
