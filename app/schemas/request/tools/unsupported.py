"""Tools that are not supported here: refused, or left out and listed as ignored (R7)."""

from __future__ import annotations

import re
from typing import Any

from app.domain.hosted.policy import undated
from app.schemas.field import ReadContext
from app.schemas.invalid import InvalidField, join, quoted
from app.settings import HOSTED_TOOLS

#: Unsupported tools that the caller runs.
_BY_CALLER = ("computer", "computer_use_preview")
_CONTAINERS = ("container_auto", "container_reference")
#: Agents send it along with their own tools; `web_search_preview` is a different tool.
is_web_search = re.compile(r"web_search(_[0-9]{4}_[0-9]{2}_[0-9]{2})?").fullmatch


def leave_out(given: dict[str, Any], path: str, context: ReadContext) -> None:
    """Leave a tool out, and list it as ignored.

    A web search is left out whatever the policy, as long as another tool remains (R7); so is a
    tool search that the server would have to run (G3).

    Raises:
        InvalidField: the tool is neither, and the policy refuses unsupported tools.
    """
    if context.drops_unsupported:
        context.dropped_any_tool = True
        context.dropped_tools.update(_names(given))
    elif not is_web_search(given["type"]) and not is_search_of_ours(given):
        container = container_of(given)
        raise unsupported(given["type"], path) if container is None else _hosted(container, path)
    context.ignore(path)


def container_of(given: dict[str, Any]) -> str | None:
    """Return the type of the container that a shell is to run in; None if it needs none.

    Such a shell runs on another vendor's servers.
    """
    environment = given.get("environment") if given.get("type") == "shell" else None
    kind = environment.get("type") if type(environment) is dict else None
    return kind if kind in _CONTAINERS else None


def _hosted(container: str, path: str) -> InvalidField:
    what = (
        f"{quoted(container)} runs on another vendor's servers: set the shell's environment to "
        '{"type": "local"} and run its commands yourself.'
    )
    return InvalidField("unsupported_value", join(path, "environment.type"), what)


def unsupported(kind: str, path: str) -> InvalidField:
    """Return the error for an unsupported tool of this type."""
    is_hosted = undated(kind) in HOSTED_TOOLS
    where = "runs on another vendor's servers" if is_hosted else "is not known"
    where = "is run by the caller, and not understood here" if kind in _BY_CALLER else where
    what = f'{quoted(kind)} {where}: declare a tool of type "function" and run it yourself.'
    if kind == "tool_search":
        what = '"tool_search" is not run here: set execution to "client" and run it yourself.'
    return InvalidField("unsupported_value", join(path, "type"), what)


def is_search_of_ours(given: dict[str, Any]) -> bool:
    """Tell whether it is a tool search that the server would run: here it would find nothing."""
    return given["type"] == "tool_search" and given.get("execution") in (None, "server")


def _names(given: dict[str, Any]) -> set[str]:
    """Return the names by which a choice could refer to this tool or to its members."""
    inside = given.get("tools")
    named = [given, *(inside if type(inside) is list else ())]
    names = {each["name"] for each in named if type(each) is dict and type(each.get("name")) is str}
    return names if container_of(given) is None else names | {given["type"]}
