"""Tools that the server is to search for: `defer_loading`, without a search that the caller runs.

Models see every tool from the start, so nothing is searched here. But a caller's package may only
run a call of such a tool as OpenAI's answers have it: with the tool's own name as its namespace,
after the search that found it (developers.openai.com, "Tool search").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.domain.hosted.item import HostedItem
from app.domain.tools.kinds import CustomTool, FunctionTool, NamespaceTool, Tool
from app.domain.tools.search import ToolSearchTool

#: The types of the two items of a search.
SEARCH, FOUND = "tool_search_call", "tool_search_output"
_NONE: frozenset[str] = frozenset()


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
