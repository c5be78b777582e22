"""Functions that are only read when they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from app.domain.tools.kinds import FunctionTool


class LazyTools(Collection[FunctionTool]):
    """The functions that `read` returns; it is called at their first use, if there is one.

    MEASURED: the tools of the turn before are only used by upstreams that want a definition of each
    call in the history, if the request itself has none (S6). Reading forty took two thirds of
    loading what an agent continues.
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
