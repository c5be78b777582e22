"""Make the ids of calls unique for an upstream: a history may contain duplicates. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping


class CallIds:
    """Assigns unique ids: some servers number calls anew in each answer, others refuse duplicates.

    Calls and outputs get their ids in order: an output belongs to the call that has waited longest
    under its id. `form` converts an id to one that the upstream accepts. The same history always
    gets the same ids, so that an upstream's cache stays valid.
    """

    def __init__(self, form: Callable[[str], str]) -> None:
        self._form = form
        self._counts: dict[str, int] = {}  # of ids that occurred more than once
        self._waiting: dict[str, list[str]] = {}
        self._before: Mapping[str, int] = {}  # counts of ids in an earlier part of the history

    def of_call(self, call_id: str) -> str:
        """Return the id of the next call."""
        waiting = self._waiting.get(call_id)
        if waiting is None and call_id not in self._before:  # nearly always
            sent = self._form(call_id)
            self._waiting[call_id] = [sent]
            return sent
        count = self._counts.get(call_id, self._before.get(call_id, 1)) + 1
        self._counts[call_id] = count
        sent = self._form(_another(call_id, count))
        self._waiting.setdefault(call_id, []).append(sent)
        return sent

    def of_output(self, call_id: str) -> str | None:
        """Return the id of the next output, None if no call waits for it."""
        waiting = self._waiting.get(call_id)
        return waiting.pop(0) if waiting else None

    @property
    def is_waiting(self) -> bool:
        """Whether a call waits for its output."""
        return any(self._waiting.values())

    def taken(self) -> dict[str, int]:
        """Return how often each id has occurred."""
        return {**self._before, **dict.fromkeys(self._waiting, 1), **self._counts}

    def go_on_from(self, taken: Mapping[str, int]) -> None:
        """Continue after a part of the history with these counts, in which no call waits."""
        self._before = taken


def _another(call_id: str, count: int) -> str:
    return "call_" + hashlib.sha256(f"{count} {call_id}".encode()).hexdigest()[:24]
