"""Writes the searches for deferred tools that callers expect of a server into an answer (G3).

A call of the deferred function `f` becomes three items:

    {"type": "tool_search_call", "execution": "server", "arguments": {"paths": ["f"]}, …}
    {"type": "tool_search_output", "execution": "server", "tools": [{"name": "f", …}], …}
    {"type": "function_call", "name": "f", "namespace": "f", …}

Providers that search themselves send all three.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from app.domain.request import CreateRequest
from app.domain.stream.deltas import (
    Batch,
    CallOpened,
    Delta,
    HostedEnded,
    HostedOpened,
    close_batches,
)
from app.domain.tools import CustomTool, FunctionTool
from app.domain.tools.deferred import FOUND, SEARCH, found_names
from app.services.answering.prepared.request import PreparedRequest

Json = dict[str, Any]


class Searching(Iterator[Batch]):
    """Batches of an answer, with a search before the first call of each deferred tool.

    `tools` are those that no search has found yet, by name, as responses show them.
    """

    def __init__(self, batches: Iterator[Batch], tools: Mapping[str, Json]) -> None:
        self._batches, self._tools = batches, dict(tools)

    def __next__(self) -> Batch:
        batch = next(self._batches)
        if CallOpened not in map(type, batch):
            return batch
        return [each for delta in batch for each in self._with_search(delta)]

    def close(self) -> None:
        """Close the batches."""
        close_batches(self._batches)

    def _with_search(self, delta: Delta) -> Iterator[Delta]:
        """Yield a delta; a search before it, if it opens the first call of a deferred tool."""
        if isinstance(delta, CallOpened) and delta.namespace is None:
            tool = self._tools.pop(delta.name, None)
            if tool is not None:
                arguments: Json = {"paths": [delta.name]}
                yield from _item(SEARCH, {"arguments": {}}, {"arguments": arguments}, delta.name)
                yield from _item(FOUND, {"tools": [tool]}, {"tools": [tool]}, delta.name)
        yield delta


def _item(kind: str, begun: Json, whole: Json, name: str) -> Iterator[Delta]:
    key = f"{kind} {name}"
    base: Json = {"type": kind, "execution": "server", "call_id": None}
    yield HostedOpened(key, base | {"status": "in_progress"} | begun)
    yield HostedEnded(key, base | {"status": "completed"} | whole)


def with_searches(
    prepared: PreparedRequest,
    batches: Iterator[Batch],
    echo: Callable[[CreateRequest], Mapping[str, Any]],
) -> Iterator[Batch]:
    """Return the batches of an answer, with the searches that its caller expects.

    `echo` returns what responses show of a request.
    """
    deferred = prepared.deferred
    if not deferred:
        return batches
    missing = deferred - found_names(prepared.thread.items)
    return Searching(batches, _echoed(echo(prepared.request)["tools"], missing))


def _echoed(tools: Iterable[Json], names: Collection[str]) -> dict[str, Json]:
    """Return the tools of these names as responses show them, by name."""
    own = (tool for tool in tools if tool["type"] in (FunctionTool.type, CustomTool.type))
    return {tool["name"]: tool for tool in own if tool["name"] in names}
