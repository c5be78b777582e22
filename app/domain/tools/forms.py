"""Tools in the forms that a provider knows.

What is of a type that it does not know is a function to it: a custom tool is one with one string,
`input`, and the members of a namespace stand for themselves, under their qualified names.
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

#: What a provider knows that takes functions only.
FUNCTIONS_ONLY: frozenset[str] = frozenset()


def in_known_forms(tools: Iterable[Tool], known: AbstractSet[str]) -> tuple[Tool, ...]:
    """Return the tools for a provider that knows tools of these types, beside functions."""
    return tuple(form for tool in tools for form in _forms(tool, known))


_FUNCTION = {FunctionTool}
_PROGRAMS = known_as(PROGRAMS)


def functions_of(tools: Iterable[Tool]) -> tuple[FunctionTool, ...]:
    """Return the functions that the tools are to a provider that knows nothing else."""
    declared = tools if isinstance(tools, tuple) else tuple(tools)
    if {*map(type, declared)} <= _FUNCTION:  # nearly always
        return cast("tuple[FunctionTool, ...]", declared)
    forms = in_known_forms(declared, FUNCTIONS_ONLY)
    return tuple(form for form in forms if isinstance(form, FunctionTool))


def undeferred(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the tools, none of which is left to a search."""
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
        if tool.known_as in known:  # elsewhere nobody runs it
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
    """Return a tool without what is said of programs, for a provider that runs none."""
    if isinstance(tool, FunctionTool) and tool.output_schema is not None:
        tool = replace(tool, output_schema=None)
    if isinstance(tool, FunctionTool | CustomTool) and tool.allowed_callers is not None:
        tool = replace(tool, allowed_callers=None)
    return tool


def choice_in_known_forms(
    choice: ToolChoice, tools: Sequence[Tool], known: AbstractSet[str] = FUNCTIONS_ONLY
) -> ToolChoice:
    """Return a choice among the tools by the forms and names that `in_known_forms` gives them.

    A tool outside any namespace goes before those inside, and these in their order.
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
    """Tell whether the provider has what is chosen: all but what only others run."""
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
    """Return the names by which a choice means the tools, by what it means them by here."""
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
    """Return those of the tools that are chosen; of a namespace, its members that are."""
    keys = {choice_key(each) for each in chosen}
    kept: list[T] = []
    for tool in tools:
        if not isinstance(tool, NamespaceTool):
            kept += [tool] if tool_key(tool) in keys else []
        elif members := tuple(each for each in tool.tools if tool_key(each) in keys):
            kept.append(replace(tool, tools=members))
    return tuple(kept)
