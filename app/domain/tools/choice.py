"""How the model may choose among the tools."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.domain.tools.kinds import BuiltInTool, CallableTool, NamespaceTool, Tool

ChoiceMode = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """The model must call this function."""

    type: ClassVar[str] = "function"
    name: str


@dataclass(frozen=True, slots=True)
class NamedCustomTool(NamedFunction):
    """The model must call this custom tool."""

    type: ClassVar[str] = "custom"


@dataclass(frozen=True, slots=True)
class NamedBuiltInTool(NamedFunction):
    """The model must call the built-in tool of this type, which is its name as well."""

    type: ClassVar[str] = "built_in"


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """The model may (auto), must (required) or must not (none) call one of these tools.

    `custom` are the names of those that are custom tools, `built_in` of those that are built-in.
    """

    mode: Literal["auto", "required", "none"]
    names: tuple[str, ...]
    custom: frozenset[str] = frozenset()
    built_in: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, mode: Literal["auto", "required", "none"], tools: Iterable[NamedFunction]
    ) -> AllowedTools:
        """Return the choice among tools that each are a choice of their own."""
        named = tuple(tools)
        custom = (each.name for each in named if isinstance(each, NamedCustomTool))
        built_in = (each.name for each in named if isinstance(each, NamedBuiltInTool))
        names = tuple(each.name for each in named)
        return cls(mode, names, frozenset(custom), frozenset(built_in))

    @property
    def tools(self) -> tuple[NamedFunction, ...]:
        """The tools, each as a choice of its own."""
        return tuple(map(self._as_choice, self.names))

    def _as_choice(self, name: str) -> NamedFunction:
        if name in self.built_in:
            return NamedBuiltInTool(name)
        return NamedCustomTool(name) if name in self.custom else NamedFunction(name)


ToolChoice = ChoiceMode | NamedFunction | AllowedTools


def undeclared(choice: ToolChoice, tools: Iterable[Tool]) -> NamedFunction | None:
    """Return a tool that the choice names, and that is not there; None where all are."""
    if not isinstance(choice, NamedFunction | AllowedTools):
        return None
    named = choice.tools if isinstance(choice, AllowedTools) else (choice,)
    declared = choosable(tools)
    return next((each for each in named if choice_key(each) not in declared), None)


def choosable(tools: Iterable[Tool]) -> set[tuple[str, str]]:
    """Return what choices can mean the tools by, those in namespaces too; see `choice_key`."""
    return {
        tool_key(each)
        for tool in tools
        for each in (tool.tools if isinstance(tool, NamespaceTool) else (tool,))
    }


def choice_key(choice: NamedFunction) -> tuple[str, str]:
    """Return what a choice means a tool by: its kind, and its own name."""
    return choice.type, choice.name


def tool_key(tool: CallableTool) -> tuple[str, str]:
    """Return what choices mean a tool by; see `choice_key`."""
    if isinstance(tool, BuiltInTool):
        return NamedBuiltInTool.type, tool.name
    return tool.type, tool.name
