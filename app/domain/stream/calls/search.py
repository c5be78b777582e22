"""Builds calls of searches among tools (G3)."""

from __future__ import annotations

from app.domain.built_in.tool_search import ToolSearchCall
from app.domain.stream.calls.built_in import BuiltInCallBuilder


class ToolSearchCallBuilder(BuiltInCallBuilder):
    """Builds a search, which has no events between its first and its last."""

    made = ToolSearchCall
