"""The ids of calls as an upstream is sent them: none comes twice, as some do in a history. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable


class CallIds:
    """Some servers number the calls of each answer anew; others refuse an id that comes twice.

    Calls and outputs are given their ids in order: an output is that of the call that has
    waited longest under its id. `form` makes an id one that the upstream takes. The same
    history is sent with the same ids each time, so that what an upstream has cached stays valid.
    """

    def __init__(self, form: Callable[[str], str]) -> None:
        self._form = form
        # By call_id: how many calls had it so far, and how many of those their outputs.
        self._calls: dict[str, int] = {}
        self._outputs: dict[str, int] = {}

    def of_call(self, call_id: str) -> str:
        """Return the id of the next call."""
        count = self._calls[call_id] = self._calls.get(call_id, 0) + 1
        return self._form(call_id if count == 1 else _another(call_id, count))

    def of_output(self, call_id: str) -> str | None:
        """Return the id of the next output, None where no call waits for it."""
        count = self._outputs.get(call_id, 0) + 1
        if count > self._calls.get(call_id, 0):
            return None
        self._outputs[call_id] = count
        return self._form(call_id if count == 1 else _another(call_id, count))


def _another(call_id: str, count: int) -> str:
    return "call_" + hashlib.sha256(f"{count} {call_id}".encode()).hexdigest()[:24]
