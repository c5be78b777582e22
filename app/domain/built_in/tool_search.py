"""Searches among tools that the caller runs, and their results (G3)."""

from __future__ import annotations

from typing import ClassVar

from app.domain.frozen import frozen_dataclass
from app.domain.items import BuiltInCall, BuiltInCallOutput, InputPart
from app.domain.tools import Tool, members_of


@frozen_dataclass(frozen=True, slots=True)
class ToolSearchCall(BuiltInCall):
    """A call of a search among tools, with its arguments as the model wrote them (G3)."""

    type: ClassVar[str] = "tool_search_call"
    prefix: ClassVar[str] = "tsc"
    name: str = "tool_search"
    arguments: str = ""

    @classmethod
    def readable(cls, written: str, *, is_cut: bool = False) -> str:  # noqa: ARG003 - it is the same
        """Return the arguments as the model wrote them."""
        return written


@frozen_dataclass(frozen=True, slots=True)
class ToolSearchOutput(BuiltInCallOutput):
    """The tools that a search found: the model has them from here on. `output` stays empty."""

    type: ClassVar[str] = "tool_search_output"
    prefix: ClassVar[str] = "tso"
    output: str | tuple[InputPart, ...] = ""
    tools: tuple[Tool, ...] = ()

    @property
    def content(self) -> str:
        """A text for models: the names by which the tools can now be called."""
        names = ", ".join(each.name for each in members_of(self.tools))
        return f"These tools can be called now: {names}." if names else "No tool was found."
