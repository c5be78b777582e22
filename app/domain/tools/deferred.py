"""Tools that the server is to search for: `defer_loading`, without a search that the caller runs.

Models see every tool from the start, so nothing is searched here. But a caller's package may only
run a call of such a tool as OpenAI's answers have it: with the tool's own name as its namespace,
after the search that found it (developers.openai.com, "Tool search").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.hosted.item import HostedItem
from app.domain.tools.hosted import redacted
from app.domain.tools.kinds import CustomTool, FunctionTool, NamespaceTool, Tool
from app.domain.tools.search import ToolSearchTool

#: The types of the two items of a search.
SEARCH, FOUND = "tool_search_call", "tool_search_output"
_NONE: frozenset[str] = frozenset()
#: Tools of the caller's own, which have no secrets; their schemas may use the names of such.
_OWN = (FunctionTool.type, CustomTool.type)


def deferred_names(tools: Sequence[Tool], added: Iterable[Tool] = ()) -> frozenset[str]:
    """Return the names of the tools outside any namespace that the server is to search for.

    `added` are tools that items bring: a search that the caller runs may be among them.
    """
    if not tools or True not in [getattr(tool, "defer_loading", None) for tool in tools]:
        return _NONE
    if any(isinstance(tool, ToolSearchTool) for tool in (*tools, *added)):
        return _NONE
    return frozenset(
        tool.name
        for tool in tools
        if isinstance(tool, FunctionTool | CustomTool) and tool.defer_loading
    )


def namespace_names(tools: Iterable[Tool]) -> frozenset[str]:
    """Return the names of the namespaces among the tools."""
    return frozenset(tool.name for tool in tools if isinstance(tool, NamespaceTool))


def found_names(items: Iterable[object]) -> frozenset[str]:
    """Return the names of the tools that searches of a server have found, according to items."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, HostedItem) and item.type == FOUND:
            tools = item.json.get("tools")
            for tool in tools if isinstance(tools, list) else ():
                if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                    found.add(tool["name"])
    return frozenset(found)


def without_secrets(item: dict[str, Any]) -> dict[str, Any]:
    """Return a hosted item without the secrets of the tools that a search has found (P2)."""
    if item.get("type") != FOUND or not isinstance(item.get("tools"), list):
        return item
    return item | {"tools": list(map(_without_secrets, item["tools"]))}


def _without_secrets(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") in _OWN:
        return tool
    if tool.get("type") == NamespaceTool.type and isinstance(tool.get("tools"), list):
        return tool | {"tools": list(map(_without_secrets, tool["tools"]))}
    return redacted(tool)
