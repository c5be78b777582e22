"""Function tools, and how the caller lets the model choose among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """`strict` is None when the caller left it out: the upstream's own default then holds."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


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
