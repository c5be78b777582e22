"""Searches among tools that the caller runs (G3)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.tools.kinds import BuiltInTool, FunctionTool


@dataclass(frozen=True, slots=True)
class ToolSearchTool(BuiltInTool):
    """A search among tools: what it finds is declared from there on."""

    type: ClassVar[str] = "tool_search"
    description: str | None = None
    parameters: dict[str, Any] | None = None

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models."""
        description = self.description or "Finds tools, which can be called then."
        return FunctionTool(self.name, description, self.parameters or deepcopy(_PATHS))


#: Parameters of a search if the caller declares none: those of OpenAI's API.
_PATHS = {
    "type": "object",
    "properties": {
        "paths": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The names of tools, or of the namespaces that hold them.",
        }
    },
    "required": ["paths"],
    "additionalProperties": False,
}
