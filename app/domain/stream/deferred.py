"""Deltas that must wait until the open call is complete."""

from __future__ import annotations

from collections import deque

from app.domain.stream.deltas import (
    Arguments,
    CallOpened,
    Delta,
    HostedEnded,
    HostedNoted,
    HostedOpened,
)

_OPENING, _ADDING = CallOpened | HostedOpened, Arguments | HostedNoted | HostedEnded


class Deferred:
    """A queue of calls, each with all of its deltas, and of what came between them.

    So each delta is handled twice, when added and when taken, however many wait.
    """

    def __init__(self) -> None:
        self._groups: deque[list[Delta]] = deque()
        self._calls: dict[str | None, list[Delta]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def append(self, delta: Delta) -> None:
        """Add a delta; one that belongs to a waiting call is put with it."""
        if isinstance(delta, _ADDING) and delta.key in self._calls:
            self._calls[delta.key].append(delta)
        elif isinstance(delta, _OPENING):
            self._groups.append([delta])
            self._calls[delta.key] = self._groups[-1]
        elif self._groups and not isinstance(self._groups[-1][0], _OPENING):
            self._groups[-1].append(delta)
        else:
            self._groups.append([delta])

    def take(self) -> list[Delta]:
        """Remove and return the next group: a call, or what came before the next call."""
        group = self._groups.popleft()
        if isinstance(group[0], _OPENING):
            self._calls.pop(group[0].key, None)
        return group
