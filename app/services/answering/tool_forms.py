"""Adapts a request's tools to the forms that one candidate provider knows (G1-G3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from app.domain.answer_options import ConfigurationUpdate
from app.domain.built_in.tool_search import ToolSearchOutput
from app.domain.hosted.item import HostedItem
from app.domain.items import AdditionalTools, CustomCall, FunctionCall, Item
from app.domain.request import Parameters
from app.domain.tools import (
    FunctionTool,
    HostedTool,
    Tool,
    ToolSearchTool,
    choice_in_known_forms,
    grouped,
    in_known_forms,
    known_as,
    members_of,
    undeferred,
)
from app.domain.tools.deferred import FOUND, SEARCH, namespace_names
from app.domain.turns.turn import Thread
from app.services.answering.unseen_items import with_added, with_update

#: The types of items that may belong to a search.
_OF_SEARCHES = {FunctionCall, CustomCall, HostedItem}


def for_provider(
    parameters: Parameters, items: tuple[Item, ...], thread: Thread, known: frozenset[str]
) -> tuple[Parameters, tuple[Item, ...]]:
    """Return the parameters and items for a provider that knows these types of tools and items.

    Items of an unknown type that bring tools or change the configuration are left out, and the
    parameters get their tools and changes. If the type is known, the parameters get only the tools
    of those items that are no longer among `items` (G8, S8).
    """
    declared = (*parameters.tools, *thread.added)
    if _has_search(items) and not _is_searching(declared, known):
        items = tuple(_without_searches(items, namespace_names(declared)))
    if not (parameters.tools or thread.added) and thread.update is None:
        return parameters, items
    if thread.update is not None and ConfigurationUpdate.type not in known:
        parameters = with_update(parameters, thread.update)
        items = tuple(item for item in items if not isinstance(item, ConfigurationUpdate))
    everything = with_added(parameters, thread)
    if not thread.added and all(map(_is_plain, everything.tools)):
        return parameters, items
    if AdditionalTools.type not in known:
        items = tuple(item for item in items if not isinstance(item, AdditionalTools))
        parameters = everything
    elif gone := _gone(thread.added, items):
        parameters = replace(parameters, tools=grouped((*parameters.tools, *undeferred(gone))))
    tools = parameters.tools
    if not any(_searches(tool, known) for tool in declared):
        # A deferred tool is refused where no tool searches for it.
        tools, items = undeferred(tools), tuple(map(_undeferred, items))
    choice = choice_in_known_forms(parameters.tool_choice, everything.tools, known)
    return replace(parameters, tools=in_known_forms(tools, known), tool_choice=choice), items


def _is_plain(tool: Tool) -> bool:
    """Tell whether every provider is sent the tool as it is."""
    return (
        type(tool) is FunctionTool
        and tool.allowed_callers is None
        and tool.output_schema is None
        and not tool.defer_loading
    )


def _searches(tool: Tool, known: frozenset[str]) -> bool:
    """Tell whether the tool is a tool search that the provider or the caller runs."""
    if isinstance(tool, HostedTool):
        return tool.family == ToolSearchTool.type and tool.known_as in known
    return isinstance(tool, ToolSearchTool)


def _gone(added: Iterable[Tool], items: Iterable[Item]) -> list[Tool]:
    """Return the tools that items once brought and none of these items brings any more."""
    there = {
        each.name
        for item in items
        if isinstance(item, AdditionalTools | ToolSearchOutput)
        for each in members_of(item.tools)
    }
    return [tool for tool in added if not all(each.name in there for each in members_of((tool,)))]


def _undeferred(item: Item) -> Item:
    if not isinstance(item, AdditionalTools):
        return item
    return replace(item, tools=undeferred(item.tools))


def _is_searching(declared: Iterable[Tool], known: frozenset[str]) -> bool:
    """Tell whether the provider searches, or has a tool that does."""
    if known_as(ToolSearchTool.type) in known:
        return True
    return any(_searches(tool, known) for tool in declared)


def _has_search(items: Iterable[Item]) -> bool:
    # MEASURED: of a turn after 100 others, a call for each item takes a twelfth.
    if _OF_SEARCHES.isdisjoint(map(type, items)):
        return False
    named = [item for item in items if getattr(item, "namespace", None) or type(item) is HostedItem]
    return any(map(_is_of_search, named))


def _is_of_search(item: Item) -> bool:
    if isinstance(item, FunctionCall):
        return item.namespace is not None and item.namespace == item.name
    return isinstance(item, HostedItem) and item.type in (SEARCH, FOUND)


def _without_searches(items: Iterable[Item], namespaces: Collection[str]) -> Iterator[Item]:
    """Yield the items for a provider that does not search and has every tool from the start.

    Searches are left out; a call whose namespace only says that its tool was deferred has none.
    `namespaces` are the names of those that were declared.
    """
    for item in items:
        if not _is_of_search(item):
            yield item
        elif isinstance(item, FunctionCall):
            yield item if item.name in namespaces else replace(item, namespace=None)
