"""The tools that a caller runs, and how the model may choose among them.

A function of a namespace is one of the plain functions to models that know none, under a qualified
name: `crm__look_up` is the function `look_up` of the namespace `crm`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

#: The longest name that every upstream takes.
LONGEST_NAME = 64
_SEPARATOR = "__"
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """`strict` is None when the caller left it out: the upstream's own default then holds."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamespaceTool:
    """Functions under a name that they share."""

    name: str
    description: str | None = None
    tools: tuple[FunctionTool, ...] = ()

    @property
    def functions(self) -> tuple[FunctionTool, ...]:
        """Its functions, each under its qualified name."""
        return tuple(replace(each, name=qualified(self.name, each.name)) for each in self.tools)


Tool = FunctionTool | NamespaceTool


def qualified(namespace: str | None, name: str) -> str:
    """Return the name under which models know a function: always the same, and short enough."""
    if namespace is None:
        return name
    joined = f"{namespace}{_SEPARATOR}{name}"
    if len(joined) <= LONGEST_NAME:
        return joined
    digest = hashlib.sha256(joined.encode()).hexdigest()[:_DIGITS]
    return f"{joined[: LONGEST_NAME - _DIGITS - 1]}_{digest}"


def functions_of(tools: Iterable[Tool]) -> tuple[FunctionTool, ...]:
    """Return the functions among the tools, those of namespaces under their qualified names."""
    functions: list[FunctionTool] = []
    for tool in tools:
        if isinstance(tool, NamespaceTool):
            functions.extend(tool.functions)
        else:
            functions.append(tool)
    return tuple(functions)


ChoiceMode = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """The model must call this function."""

    name: str


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """The model may (auto) or must (required) call one of these functions."""

    mode: Literal["auto", "required"]
    names: tuple[str, ...]

    @property
    def tools(self) -> tuple[NamedFunction, ...]:
        """The functions, each as a choice of its own."""
        return tuple(map(NamedFunction, self.names))


ToolChoice = ChoiceMode | NamedFunction | AllowedTools


def own_names(tools: Iterable[Tool]) -> dict[str, tuple[str, str]]:
    """Return the namespace and the own name of each function that is in one, by qualified name."""
    return {
        qualified(tool.name, each.name): (tool.name, each.name)
        for tool in tools
        if isinstance(tool, NamespaceTool)
        for each in tool.tools
    }


def qualified_choice(choice: ToolChoice, tools: Sequence[Tool]) -> ToolChoice:
    """Return a choice by the names under which models know the functions.

    A function outside any namespace goes before those inside, and these in their order.
    """
    names: dict[str, str] = {}
    for tool in tools:
        if isinstance(tool, NamespaceTool):
            for each in tool.tools:
                names.setdefault(each.name, qualified(tool.name, each.name))
    names |= {tool.name: tool.name for tool in tools if isinstance(tool, FunctionTool)}
    match choice:
        case NamedFunction(name=name):
            return NamedFunction(names.get(name, name))
        case AllowedTools(mode=mode, names=allowed):
            return AllowedTools(mode, tuple(names.get(name, name) for name in allowed))
        case _:
            return choice
