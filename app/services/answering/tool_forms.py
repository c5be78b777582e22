"""A request's tools as one provider knows them: each candidate gets its own form (G1-G3)."""

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
    """Return both for a provider that knows tools, and items that bring them, of these types.

    Where it does not know such items, their tools are among the parameters', and they are left out;
    so are items that change the configuration, and what they change. Where it does, the tools of
    items that are no longer among `items` are (G8, S8).
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
        # What is deferred is refused where nothing searches for it.
        tools, items = undeferred(tools), tuple(map(_undeferred, items))
    choice = choice_in_known_forms(parameters.tool_choice, everything.tools, known)
    return replace(parameters, tools=in_known_forms(tools, known), tool_choice=choice), items


def _searches(tool: Tool, known: frozenset[str]) -> bool:
    """Tell whether it is a search among tools that somebody runs."""
    if isinstance(tool, HostedTool):
        return tool.family == ToolSearchTool.type and tool.known_as in known
    return isinstance(tool, ToolSearchTool)


def _gone(added: Iterable[Tool], items: Iterable[Item]) -> list[Tool]:
    """Return those of the tools that items once brought which none of these brings."""
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
