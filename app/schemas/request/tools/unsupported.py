"""Tools that are not served here: refused, or left out and named (R7)."""

from __future__ import annotations

import re
from typing import Any

from app.schemas.field import ReadContext
from app.schemas.invalid import InvalidField, join, quoted

#: Tools that run on OpenAI's servers, or that only its own models know (R7).
HOSTED = (
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "image_generation",
    "mcp",
    "shell",
    "local_shell",
    "apply_patch",
)
#: Agents send it beside their own tools; `web_search_preview` is another.
_is_web_search = re.compile(r"web_search(_[0-9]{4}_[0-9]{2}_[0-9]{2})?").fullmatch


def leave_out(given: dict[str, Any], path: str, context: ReadContext) -> None:
    """Leave a tool out, and name it.

    A search of the web is left out whatever the policy, for as long as another tool remains (R7);
    so is a search among tools that the server is to run (G3).

    Raises:
        InvalidField: the tool is neither, and the policy refuses such tools.
    """
    if context.drops_unsupported:
        context.dropped_any_tool = True
        context.dropped_tools.update(_names(given))
    elif not _is_web_search(given["type"]) and not is_search_of_ours(given):
        raise unsupported(given["type"], path)
    context.ignore(path)


def unsupported(kind: str, path: str) -> InvalidField:
    """Return the error for a tool of this kind."""
    where = "runs on another vendor's servers" if kind in HOSTED else "is not known"
    what = f'{quoted(kind)} {where}: declare a tool of type "function" and run it yourself.'
    if kind == "tool_search":
        what = '"tool_search" is not run here: set execution to "client" and run it yourself.'
    return InvalidField("unsupported_value", join(path, "type"), what)


def is_search_of_ours(given: dict[str, Any]) -> bool:
    """Tell whether it is a search that the server is to run: there is nothing to find by it."""
    return given["type"] == "tool_search" and given.get("execution") in (None, "server")


def _names(given: dict[str, Any]) -> set[str]:
    """Return the names by which a choice could mean this tool, or those inside it."""
    inside = given.get("tools")
    named = [given, *(inside if type(inside) is list else ())]
    return {each["name"] for each in named if type(each) is dict and type(each.get("name")) is str}
