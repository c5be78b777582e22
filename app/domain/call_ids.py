"""The ids that the calls of an answer may not have."""

from __future__ import annotations

from collections.abc import Container, Sequence

from app.domain.items import FunctionCall, Item
from app.domain.request import CreateRequest


def used_call_ids(request: CreateRequest, context: Sequence[Item]) -> Container[str]:
    """Return the ids of the context's calls, which none of the answer may have.

    Some servers number the calls of each answer anew, and among the clients that send the whole
    history each time, openai-agents keeps but the last of the calls with one id. Who names a
    parent is given the upstream's own ids: nothing is to be told from an earlier call there.
    """
    return frozenset() if request.previous_response_id else _CallIds(context)


class _CallIds(Container[str]):
    """Most answers call nothing, so the context is looked through late."""

    def __init__(self, context: Sequence[Item]) -> None:
        self._context = context
        self._ids: frozenset[str] | None = None

    def __contains__(self, call_id: object) -> bool:
        if self._ids is None:
            calls = (item for item in self._context if isinstance(item, FunctionCall))
            self._ids = frozenset(call.call_id for call in calls)
        return call_id in self._ids
