"""Tools that are read when they are looked at."""

from __future__ import annotations

from app.domain.tools import FunctionTool
from app.domain.tools.lazy import LazyTools

TOOLS = (FunctionTool("first"), FunctionTool("second"))


def test_they_are_read_once_and_not_before_they_are_looked_at() -> None:
    reads = list[str]()

    def read() -> tuple[FunctionTool, ...]:
        reads.append("read")
        return TOOLS

    tools = LazyTools(read)
    assert reads == []
    assert tools == TOOLS
    assert tools == LazyTools(lambda: TOOLS)
    assert tools != TOOLS[:1]
    assert tools != "first"
    assert tuple(tools) == TOOLS
    assert len(tools) == 2
    assert TOOLS[1] in tools
    assert FunctionTool("third") not in tools
    assert reads == ["read"]
