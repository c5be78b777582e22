"""The tools that a caller runs.

Models only know functions. A function of a namespace becomes one with a qualified name:
`crm__look_up` is the function `look_up` of the namespace `crm`. A custom tool, which takes free
text, becomes a function with one string, `input`; a built-in tool one with the name of its type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from app.domain.tools.hosted import HostedTool

#: Maximum length of a name that every upstream accepts.
LONGEST_NAME = 64
_SEPARATOR = "__"
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function. `strict` None means omitted: the upstream's own default applies.

    `defer_loading` is kept as given, but models see all tools from the start (deferred.py).
    `allowed_callers` and `output_schema` are for programs that call it (hosted.PROGRAMS).
    """

    type: ClassVar[str] = "function"
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    allowed_callers: tuple[str, ...] | None = None
    output_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PlainInput:
    """The input of a custom tool may be any text."""

    type: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class InputGrammar:
    """The input of a custom tool must match this grammar."""

    type: ClassVar[str] = "grammar"
    syntax: Literal["lark", "regex"]
    definition: str


@dataclass(frozen=True, slots=True)
class CustomTool:
    """A tool that takes a text instead of JSON."""

    type: ClassVar[str] = "custom"
    name: str
    description: str | None = None
    format: PlainInput | InputGrammar = PlainInput()
    defer_loading: bool | None = None
    allowed_callers: tuple[str, ...] | None = None

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models; its description contains the grammar."""
        words = "`input` is the whole input of this tool, as plain text."
        if isinstance(self.format, InputGrammar):
            words = f"{words} {_SYNTAXES[self.format.syntax]}:\n{self.format.definition}"
        description = f"{self.description}\n\n{words}" if self.description else words
        return FunctionTool(self.name, description, deepcopy(_INPUT))


_SYNTAXES = {
    "lark": "It has to match this grammar, which is written for Lark",
    "regex": "It has to match this regular expression as a whole",
}
_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class NamespaceTool:
    """Functions and custom tools that share a namespace."""

    type: ClassVar[str] = "namespace"
    name: str
    description: str | None = None
    tools: tuple[FunctionTool | CustomTool, ...] = ()

    @property
    def members(self) -> tuple[FunctionTool | CustomTool, ...]:
        """Its tools, each with its qualified name."""
        return tuple(replace(each, name=qualified(self.name, each.name)) for each in self.tools)


class BuiltInTool:
    """A tool that is defined by its type and run by the caller; each type has a class of its own.

    Its calls have an item type of their own (`app.domain.items.BuiltInCall`).
    """

    __slots__ = ()
    type: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the function that represents the tool to models."""
        return self.type

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models that do not know its type."""
        raise NotImplementedError


#: Tools that are one function to models.
CallableTool = FunctionTool | CustomTool | BuiltInTool
#: Tools with a name of their own.
SingleTool = CallableTool | HostedTool
Tool = SingleTool | NamespaceTool


def qualified(namespace: str | None, name: str) -> str:
    """Return the name by which models know a function: deterministic, and short enough.

    A namespace of the same name says that the function was deferred: OpenAI reserves it for that.
    """
    if namespace is None or namespace == name:
        return name
    full = f"{namespace}{_SEPARATOR}{name}"
    if len(full) <= LONGEST_NAME:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:_DIGITS]
    return f"{full[: LONGEST_NAME - _DIGITS - 1]}_{digest}"


def members_of(tools: Iterable[Tool]) -> tuple[SingleTool, ...]:
    """Return the tools; those of namespaces separately, with their qualified names."""
    members: list[SingleTool] = []
    for tool in tools:
        if isinstance(tool, NamespaceTool):
            members.extend(tool.members)
        else:
            members.append(tool)
    return tuple(members)


def joined(tools: Sequence[Tool], added: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the request's tools, then those that were added, oldest first.

    Of several with one name the request's own counts, else the one that was added last.
    """
    own = {each.name for each in members_of(tools)}
    latest: dict[str, Tool] = {}
    for tool in added:
        if isinstance(tool, NamespaceTool):
            parts = {qualified(tool.name, each.name): each for each in tool.tools}
            latest |= {name: replace(tool, tools=(each,)) for name, each in parts.items()}
        else:
            latest[tool.name] = tool
    return (*tools, *(tool for name, tool in latest.items() if name not in own))


def grouped(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the tools with each namespace merged into its first occurrence."""
    parts: dict[tuple[str, str], list[Tool]] = {}
    for tool in tools:
        parts.setdefault((tool.type, tool.name), []).append(tool)
    return tuple(_whole(each) for each in parts.values())


def _whole(parts: Sequence[Tool]) -> Tool:
    first = parts[0]
    if not isinstance(first, NamespaceTool) or len(parts) == 1:
        return first
    members = (each for part in parts if isinstance(part, NamespaceTool) for each in part.tools)
    return replace(first, tools=tuple(members))


def own_names(tools: Iterable[Tool]) -> dict[str, tuple[str, str]]:
    """Return namespace and own name of each tool in a namespace, by qualified name."""
    return {
        qualified(tool.name, each.name): (tool.name, each.name)
        for tool in tools
        if isinstance(tool, NamespaceTool)
        for each in tool.tools
    }


def built_in_types(tools: Iterable[Tool]) -> dict[str, str]:
    """Return the types of built-in tools by the names that models know."""
    return {tool.name: tool.type for tool in tools if isinstance(tool, BuiltInTool)}


def custom_names(tools: Iterable[Tool]) -> frozenset[str]:
    """Return the names by which models know the custom tools."""
    return frozenset(each.name for each in members_of(tools) if isinstance(each, CustomTool))
