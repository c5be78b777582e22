"""Adapts a request's tools to the forms that one candidate provider knows (G1-G3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.answer_options import ConfigurationUpdate
from app.domain.built_in.tool_search import ToolSearchOutput
from app.domain.items import AdditionalTools, Item
from app.domain.request import Parameters
from app.domain.tools import (
    FunctionTool,
    HostedTool,
    Tool,
    ToolSearchTool,
    choice_in_known_forms,
    grouped,
    in_known_forms,
    members_of,
    undeferred,
)
from app.domain.turns.turn import Thread
from app.services.answering.unseen_items import with_added, with_update


def for_provider(
    parameters: Parameters, items: tuple[Item, ...], thread: Thread, known: frozenset[str]
) -> tuple[Parameters, tuple[Item, ...]]:
    """Return the parameters and items for a provider that knows these types of tools and items.

    Items of an unknown type that bring tools or change the configuration are left out, and the
    parameters get their tools and changes. If the type is known, the parameters get only the tools
    of those items that are no longer among `items` (G8, S8).
    """
    if not (parameters.tools or thread.added) and thread.update is None:
        return parameters, items
    if thread.update is not None and ConfigurationUpdate.type not in known:
        parameters = with_update(parameters, thread.update)
        items = tuple(item for item in items if not isinstance(item, ConfigurationUpdate))
    everything = with_added(parameters, thread)
    if not thread.added and all(
        type(tool) is FunctionTool and tool.allowed_callers is None and tool.output_schema is None
        for tool in everything.tools
    ):
        return parameters, items
    if AdditionalTools.type not in known:
        items = tuple(item for item in items if not isinstance(item, AdditionalTools))
        parameters = everything
    elif gone := _gone(thread.added, items):
        parameters = replace(parameters, tools=grouped((*parameters.tools, *undeferred(gone))))
    tools = parameters.tools
    if not any(_searches(tool, known) for tool in everything.tools):
        # A deferred tool is refused where no tool searches for it.
        tools, items = undeferred(tools), tuple(map(_undeferred, items))
    choice = choice_in_known_forms(parameters.tool_choice, everything.tools, known)
    return replace(parameters, tools=in_known_forms(tools, known), tool_choice=choice), items


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
