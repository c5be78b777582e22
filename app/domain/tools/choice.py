"""How the model may choose among the tools."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from json import dumps
from typing import Any, ClassVar, Literal

from app.domain.tools.hosted import HostedTool, family, redacted
from app.domain.tools.kinds import BuiltInTool, NamespaceTool, SingleTool, Tool

ChoiceMode = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """The model must call this function."""

    type: ClassVar[str] = "function"
    name: str

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.name


@dataclass(frozen=True, slots=True)
class NamedCustomTool(NamedFunction):
    """The model must call this custom tool."""

    type: ClassVar[str] = "custom"


@dataclass(frozen=True, slots=True)
class NamedBuiltInTool(NamedFunction):
    """The model must call the built-in tool of this type, which is its name as well."""

    type: ClassVar[str] = "built_in"


@dataclass(frozen=True, slots=True)
class NamedHostedTool(NamedFunction):
    """The model must call this hosted tool: `json` is the choice as it came.

    Its name distinguishes it from other choices.
    """

    type: ClassVar[str] = "hosted"
    json: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, json: dict[str, Any]) -> NamedHostedTool:
        """Return the choice for this object."""
        return cls(f"hosted {dumps(json, sort_keys=True)}", json)

    @property
    def label(self) -> str:
        kind: str = self.json["type"]
        return kind

    @property
    def redacted(self) -> dict[str, Any]:
        """The choice without secrets, as responses show it and stores keep it."""
        return redacted(self.json)


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """The model may (auto), must (required) or must not (none) call one of these tools.

    `custom` are the names of custom tools among them, `built_in` those of built-in tools; `hosted`
    are the hosted tools.
    """

    mode: Literal["auto", "required", "none"]
    names: tuple[str, ...]
    custom: frozenset[str] = frozenset()
    built_in: frozenset[str] = frozenset()
    hosted: tuple[NamedHostedTool, ...] = ()

    @classmethod
    def of(
        cls, mode: Literal["auto", "required", "none"], tools: Iterable[NamedFunction]
    ) -> AllowedTools:
        """Combine choices of single tools into one choice among them."""
        named = tuple(tools)
        custom = (each.name for each in named if isinstance(each, NamedCustomTool))
        built_in = (each.name for each in named if isinstance(each, NamedBuiltInTool))
        names = tuple(each.name for each in named)
        hosted = tuple(each for each in named if isinstance(each, NamedHostedTool))
        return cls(mode, names, frozenset(custom), frozenset(built_in), hosted)

    @property
    def tools(self) -> tuple[NamedFunction, ...]:
        """The tools, each as a choice of its own."""
        return tuple(map(self._as_choice, self.names))

    def _as_choice(self, name: str) -> NamedFunction:
        if name in self.built_in:
            return NamedBuiltInTool(name)
        for each in self.hosted:
            if each.name == name:
                return each
        return NamedCustomTool(name) if name in self.custom else NamedFunction(name)


ToolChoice = ChoiceMode | NamedFunction | AllowedTools


def undeclared(choice: ToolChoice, tools: Iterable[Tool]) -> NamedFunction | None:
    """Return a tool that the choice names but the request does not declare; else None."""
    if not isinstance(choice, NamedFunction | AllowedTools):
        return None
    named = choice.tools if isinstance(choice, AllowedTools) else (choice,)
    declared = choosable(tools)
    return next((each for each in named if choice_key(each) not in declared), None)


def choosable(tools: Iterable[Tool]) -> set[tuple[str, str]]:
    """Return the keys of all tools, those in namespaces too; see `choice_key`."""
    return {
        tool_key(each)
        for tool in tools
        for each in (tool.tools if isinstance(tool, NamespaceTool) else (tool,))
    }


def choice_key(choice: NamedFunction) -> tuple[str, str]:
    """Return the key of the tool that a choice names: its kind and its own name."""
    if isinstance(choice, NamedHostedTool):
        return choice.type, family(choice.label)
    return choice.type, choice.name


def tool_key(tool: SingleTool) -> tuple[str, str]:
    """Return a tool's key; see `choice_key`."""
    if isinstance(tool, HostedTool):
        return NamedHostedTool.type, tool.family
    if isinstance(tool, BuiltInTool):
        return NamedBuiltInTool.type, tool.name
    return tool.type, tool.name
