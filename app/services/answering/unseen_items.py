"""Items that change the tools and configuration of the request and of those after it (G3). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from app.domain.answer_options import ConfigurationUpdate, ReasoningOptions, UnseenItem
from app.domain.built_in.tool_search import ToolSearchOutput
from app.domain.items import AdditionalTools, Item
from app.domain.request import CreateRequest, Parameters
from app.domain.tools import joined, undeclared
from app.domain.turns.turn import Thread
from app.errors import InvalidRequest

#: Types of items that change something.
CHANGING = frozenset({AdditionalTools, ConfigurationUpdate, ToolSearchOutput})


def with_changes(thread: Thread) -> Thread:
    """Return the thread with the changes that its items make.

    Raises:
        InvalidRequest: it consists of such items alone, so that no model could answer it.
    """
    if all(isinstance(item, UnseenItem) for item in thread.items):
        what = "'input' holds nothing that a model could answer: send a message beside its items."
        raise InvalidRequest(what, param="input", code="invalid_value")
    brought = [
        item.tools for item in thread.items if isinstance(item, AdditionalTools | ToolSearchOutput)
    ]
    return replace(
        thread, added=joined((), chain.from_iterable(brought)), update=_update(thread.items)
    )


def refuse_empty(thread: Thread) -> None:
    """Refuse a request without items that continues none either, as an empty conversation.

    Raises:
        InvalidRequest: there is no item that a model could answer.
    """
    if not thread.items:
        what = "'input' holds no items, and neither does what it continues: send at least one."
        raise InvalidRequest(what, param="input", code="invalid_value")


def refuse_undeclared(request: CreateRequest, thread: Thread) -> None:
    """Check the tool choice of a continuing request against its own and earlier tools (R8, G3).

    Raises:
        InvalidRequest: it names a tool that is not declared, or requires one where there is none,
            or its own are searches that are left out and there is no other (R7).
    """
    choice = request.parameters.tool_choice
    if request.only_searches is not None and not thread.added:
        raise request.only_searches
    if not request.continues or choice in ("auto", "none"):
        return
    tools = (*request.parameters.tools, *thread.added)
    if choice == "required" and not tools:
        what = "'tool_choice' \"required\" needs tools: declare some, or leave the choice out."
        raise InvalidRequest(what, param="tool_choice", code="invalid_value")
    missing = undeclared(choice, tools)
    if missing is not None:
        label = missing.label
        what = f"'tool_choice' names '{label}', which is not among the tools: declare it there."
        raise InvalidRequest(what, param="tool_choice", code="invalid_value")


def in_thread(parameters: Parameters, thread: Thread) -> Parameters:
    """Return the parameters with all changes that the thread's items make."""
    parameters = with_added(parameters, thread)
    return parameters if thread.update is None else with_update(parameters, thread.update)


def with_added(parameters: Parameters, thread: Thread) -> Parameters:
    """Return the parameters with the tools that items of the thread bring."""
    if not thread.added:
        return parameters
    return replace(parameters, tools=joined(parameters.tools, thread.added))


def with_update(parameters: Parameters, update: ConfigurationUpdate) -> Parameters:
    """Return the parameters with an update applied."""
    if update.effort is not None:
        reasoning = replace(parameters.reasoning or ReasoningOptions(), effort=update.effort)
        parameters = replace(parameters, reasoning=reasoning)
    if update.text_format is not None:
        text = replace(parameters.text, format=update.text_format)
        parameters = replace(parameters, text=text)
    return parameters


def _update(items: Iterable[Item]) -> ConfigurationUpdate | None:
    """Merge all updates; of each setting the last update that names it counts."""
    updates = [item for item in items if isinstance(item, ConfigurationUpdate)]
    if not updates:
        return None
    efforts = [each.effort for each in updates if each.effort is not None]
    formats = [each.text_format for each in updates if each.text_format is not None]
    return ConfigurationUpdate("", *efforts[-1:] or (None,), *formats[-1:] or (None,))
