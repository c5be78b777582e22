"""Remembers for a moment who may use which key: a worker's jobs are often one key's.

MEASURED: looking up a job's key takes a twelfth of a short job's time. What is remembered was read
from the store, and is no older than a cached key may be elsewhere (authentication.py).
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.accounts.accounts import Caller, Principal
from app.services.accounts.authentication import FRESH_S

#: Maximum number of callers remembered in a process.
MOST_KNOWN = 1000


class RecentCallers:
    """Callers by their principals. `find` looks one up, `clock` is like time.monotonic.

    Safe for threads: two may look up the same one.
    """

    def __init__(
        self, find: Callable[[Principal], Caller | None], clock: Callable[[], float]
    ) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[Principal, tuple[float, Caller]] = {}

    def find(self, principal: Principal) -> Caller | None:
        """Return who may use a key now; None if nobody may. Raises what `find` does."""
        now = self._clock()
        until, caller = self._known.get(principal, (now, None))
        if now < until:
            return caller
        found = self._find(principal)
        if found is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[principal] = (now + FRESH_S, found)
        return found
