"""Call ids that an answer must not reuse."""

from __future__ import annotations

from collections.abc import Container, Sequence

from app.domain.items import FunctionCall, Item
from app.domain.request import CreateRequest


def used_call_ids(request: CreateRequest, context: Sequence[Item]) -> Container[str]:
    """Return the call ids in the context, which no call of the answer may have.

    Some servers restart their call numbers in each answer, and of the clients that send the whole
    history each time, openai-agents keeps only the last of several calls with one id. A request
    that names a parent gets the upstream's own ids: there is no earlier call to be confused with.
    """
    return frozenset() if request.previous_response_id else _CallIds(context)


class _CallIds(Container[str]):
    """Collects the ids at the first look-up: most answers have no calls."""

    def __init__(self, context: Sequence[Item]) -> None:
        self._context = context
        self._ids: frozenset[str] | None = None

    def __contains__(self, call_id: object) -> bool:
        if self._ids is None:
            calls = (item for item in self._context if isinstance(item, FunctionCall))
            self._ids = frozenset(call.call_id for call in calls)
        return call_id in self._ids
