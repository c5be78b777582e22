"""Converts tools into the forms that a provider knows.

A tool of an unknown type becomes a function: a custom tool one with one string, `input`; and a
namespace is replaced by its members, with their qualified names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar, cast

from app.domain.tools.choice import (
    AllowedTools,
    NamedBuiltInTool,
    NamedCustomTool,
    NamedFunction,
    NamedHostedTool,
    ToolChoice,
    choice_key,
    tool_key,
)
from app.domain.tools.hosted import PROGRAMS, HostedTool, known_as
from app.domain.tools.kinds import (
    CallableTool,
    CustomTool,
    FunctionTool,
    NamespaceTool,
    Tool,
    qualified,
)

T = TypeVar("T", bound=Tool)
Callable = TypeVar("Callable", bound=CallableTool)

#: The known types of a provider that takes only functions.
FUNCTIONS_ONLY: frozenset[str] = frozenset()


def in_known_forms(tools: Iterable[Tool], known: AbstractSet[str]) -> tuple[Tool, ...]:
    """Return the tools for a provider that knows these types, in addition to functions."""
    return tuple(form for tool in tools for form in _forms(tool, known))


_FUNCTION = {FunctionTool}
_PROGRAMS = known_as(PROGRAMS)


def functions_of(tools: Iterable[Tool]) -> tuple[FunctionTool, ...]:
    """Return the functions that represent the tools to a provider that knows nothing else."""
    declared = tools if isinstance(tools, tuple) else tuple(tools)
    if {*map(type, declared)} <= _FUNCTION:  # nearly always
        return cast("tuple[FunctionTool, ...]", declared)
    forms = in_known_forms(declared, FUNCTIONS_ONLY)
    return tuple(form for form in forms if isinstance(form, FunctionTool))


def undeferred(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the tools without deferred loading."""
    return tuple(map(_undeferred, tools))


def _undeferred(tool: Tool) -> Tool:
    match tool:
        case FunctionTool() | CustomTool():
            return replace(tool, defer_loading=None) if tool.defer_loading else tool
        case NamespaceTool():
            members = (_undeferred(each) for each in tool.tools)
            kept = (each for each in members if isinstance(each, FunctionTool | CustomTool))
            return replace(tool, tools=tuple(kept))
        case _:
            return tool


def _forms(tool: Tool, known: AbstractSet[str]) -> Iterator[Tool]:
    if isinstance(tool, HostedTool):
        if tool.known_as in known:  # other providers cannot run it
            yield tool
    elif not isinstance(tool, NamespaceTool):
        yield _form(tool, known)
    elif tool.type in known:
        yield replace(tool, tools=tuple(_form(each, known) for each in tool.tools))
    else:
        yield from (_form(each, known) for each in tool.members)


def _form(tool: Callable, known: AbstractSet[str]) -> Callable | FunctionTool:
    if isinstance(tool, FunctionTool) or tool.type in known:
        return tool if _PROGRAMS in known else _without_programs(tool)
    return tool.function


def _without_programs(tool: Callable) -> Callable:
    """Return a tool without its fields for programs, for a provider that runs none."""
    if isinstance(tool, FunctionTool) and tool.output_schema is not None:
        tool = replace(tool, output_schema=None)
    if isinstance(tool, FunctionTool | CustomTool) and tool.allowed_callers is not None:
        tool = replace(tool, allowed_callers=None)
    return tool


def choice_in_known_forms(
    choice: ToolChoice, tools: Sequence[Tool], known: AbstractSet[str] = FUNCTIONS_ONLY
) -> ToolChoice:
    """Return a choice, with the forms and names that `in_known_forms` gives the tools.

    If a name is ambiguous, a tool outside any namespace wins, then the first inside one.
    """
    if not isinstance(choice, NamedFunction | AllowedTools):
        return choice
    names = _known_names(tools, known)
    if isinstance(choice, NamedFunction):
        return _known_choice(choice, names, known) if _is_there(choice, tools, known) else "auto"
    chosen = [
        _known_choice(each, names, known) for each in choice.tools if _is_there(each, tools, known)
    ]
    return AllowedTools.of(choice.mode, chosen) if chosen else "none"


def _is_there(choice: NamedFunction, tools: Iterable[Tool], known: AbstractSet[str]) -> bool:
    """Tell whether the provider has the chosen tool: any except hosted ones of others."""
    return not isinstance(choice, NamedHostedTool) or any(
        isinstance(tool, HostedTool)
        and tool.known_as in known
        and tool_key(tool) == choice_key(choice)
        for tool in tools
    )


def _known_choice(
    choice: NamedFunction, names: Mapping[tuple[str, str], str], known: AbstractSet[str]
) -> NamedFunction:
    name = names.get(choice_key(choice), choice.name)
    is_own = isinstance(choice, NamedBuiltInTool) and choice.name in known
    if is_own or isinstance(choice, NamedHostedTool):
        return choice
    if isinstance(choice, NamedCustomTool) and CustomTool.type in known:
        return NamedCustomTool(name)
    return NamedFunction(name)


def _known_names(tools: Sequence[Tool], known: AbstractSet[str]) -> dict[tuple[str, str], str]:
    """Return the tools' names in the provider's forms, by their keys."""
    names: dict[tuple[str, str], str] = {}
    if NamespaceTool.type not in known:
        for tool in tools:
            if isinstance(tool, NamespaceTool):
                for each in tool.tools:
                    names.setdefault(tool_key(each), qualified(tool.name, each.name))
    return names | {
        tool_key(tool): tool.name for tool in tools if not isinstance(tool, NamespaceTool)
    }


def only(tools: Iterable[T], chosen: Iterable[NamedFunction]) -> tuple[T, ...]:
    """Return the chosen tools; of a namespace, its chosen members."""
    keys = {choice_key(each) for each in chosen}
    kept: list[T] = []
    for tool in tools:
        if not isinstance(tool, NamespaceTool):
            kept += [tool] if tool_key(tool) in keys else []
        elif members := tuple(each for each in tool.tools if tool_key(each) in keys):
            kept.append(replace(tool, tools=members))
    return tuple(kept)
