"""How the model may choose among the tools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain.tools.kinds import CustomTool, FunctionTool, NamespaceTool, Tool, qualified

ChoiceMode = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """The model must call this function."""

    name: str


@dataclass(frozen=True, slots=True)
class NamedCustomTool(NamedFunction):
    """The model must call this custom tool."""


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """The model may (auto), must (required) or must not (none) call one of these tools.

    `custom` are the names of those that are no functions.
    """

    mode: Literal["auto", "required", "none"]
    names: tuple[str, ...]
    custom: frozenset[str] = frozenset()

    @property
    def tools(self) -> tuple[NamedFunction, ...]:
        """The functions and custom tools, each as a choice of its own."""
        return tuple(
            NamedCustomTool(name) if name in self.custom else NamedFunction(name)
            for name in self.names
        )


ToolChoice = ChoiceMode | NamedFunction | AllowedTools


def qualified_choice(choice: ToolChoice, tools: Sequence[Tool]) -> ToolChoice:
    """Return a choice by the names under which models know the functions.

    A tool outside any namespace goes before those inside, and these in their order.
    """
    names: dict[tuple[bool, str], str] = {}
    for tool in tools:
        if isinstance(tool, NamespaceTool):
            for each in tool.tools:
                names.setdefault(_tool_key(each), qualified(tool.name, each.name))
    names |= {_tool_key(tool): tool.name for tool in tools if not isinstance(tool, NamespaceTool)}
    match choice:
        case NamedFunction(name=name):
            return NamedFunction(names.get(choice_key(choice), name))
        case AllowedTools(mode=mode, names=allowed, custom=custom):
            known = (names.get((name in custom, name), name) for name in allowed)
            return AllowedTools(mode, tuple(known))
        case _:
            return choice


def undeclared(choice: ToolChoice, tools: Iterable[Tool]) -> NamedFunction | None:
    """Return a tool that the choice names, and that is not there; None where all are."""
    if not isinstance(choice, NamedFunction | AllowedTools):
        return None
    named = choice.tools if isinstance(choice, AllowedTools) else (choice,)
    declared = choosable(tools)
    return next((each for each in named if choice_key(each) not in declared), None)


def choosable(tools: Iterable[Tool]) -> set[tuple[bool, str]]:
    """Return what choices can mean the tools by, those in namespaces too; see `choice_key`."""
    return {
        _tool_key(each)
        for tool in tools
        for each in (tool.tools if isinstance(tool, NamespaceTool) else (tool,))
    }


def choice_key(choice: NamedFunction) -> tuple[bool, str]:
    """Return what a choice means a tool by: whether it is a custom one, and its own name."""
    return isinstance(choice, NamedCustomTool), choice.name


def _tool_key(tool: FunctionTool | CustomTool) -> tuple[bool, str]:
    return isinstance(tool, CustomTool), tool.name
