"""Functions that are read once somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from app.domain.tools.kinds import FunctionTool


class LazyTools(Collection[FunctionTool]):
    """What `read` returns, which is called when they are first looked at, if they ever are.

    MEASURED: the tools of the turn before are for upstreams that want a definition of each call in
    the history, where the request itself has none (S6). To read forty took two thirds of loading
    what an agent continues.
    """

    __slots__ = ("_found", "_read")

    def __init__(self, read: Callable[[], tuple[FunctionTool, ...]]) -> None:
        self._read = read
        self._found: tuple[FunctionTool, ...] | None = None

    def _tools(self) -> tuple[FunctionTool, ...]:
        if self._found is None:
            self._found = self._read()
        return self._found

    def __iter__(self) -> Iterator[FunctionTool]:
        return iter(self._tools())

    def __len__(self) -> int:
        return len(self._tools())

    def __contains__(self, tool: object) -> bool:
        return tool in self._tools()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Collection) and self._tools() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._tools())
