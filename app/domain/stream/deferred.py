"""Deltas that have to wait until the call that is open is whole."""

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
    """What waits, in order: calls, each with all that is known of it, and what lies between them.

    So a delta is looked at twice, when it comes and when it goes, however many wait.
    """

    def __init__(self) -> None:
        self._groups: deque[list[Delta]] = deque()
        self._calls: dict[str | None, list[Delta]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def append(self, delta: Delta) -> None:
        """Have a delta wait; what belongs to a call does so with it, where that waits too."""
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
        """Return what is next: a call, or what lies before the next one."""
        group = self._groups.popleft()
        if isinstance(group[0], _OPENING):
            self._calls.pop(group[0].key, None)
        return group
