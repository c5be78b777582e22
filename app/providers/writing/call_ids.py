"""The ids of calls as an upstream is sent them: none comes twice, as some do in a history. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping


class CallIds:
    """Some servers number the calls of each answer anew; others refuse an id that comes twice.

    Calls and outputs are given their ids in order: an output is that of the call that has
    waited longest under its id. `form` makes an id one that the upstream takes. The same
    history is sent with the same ids each time, so that what an upstream has cached stays valid.
    """

    def __init__(self, form: Callable[[str], str]) -> None:
        self._form = form
        self._counts: dict[str, int] = {}  # of ids that came more than once
        self._waiting: dict[str, list[str]] = {}
        self._before: Mapping[str, int] = {}  # how often each came that was written before

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
        """Return the id of the next output, None where no call waits for it."""
        waiting = self._waiting.get(call_id)
        return waiting.pop(0) if waiting else None

    @property
    def is_waiting(self) -> bool:
        """Whether a call waits for its output."""
        return any(self._waiting.values())

    def taken(self) -> dict[str, int]:
        """Return how often each id came."""
        return {**self._before, **dict.fromkeys(self._waiting, 1), **self._counts}

    def go_on_from(self, taken: Mapping[str, int]) -> None:
        """Begin where ids came so often, and none waits."""
        self._before = taken


def _another(call_id: str, count: int) -> str:
    return "call_" + hashlib.sha256(f"{count} {call_id}".encode()).hexdigest()[:24]
