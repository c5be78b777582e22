"""The credentials of a process that are read again while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from app.services.upstreams.keys.credential import Credential
from app.telemetry import unexpected

#: Seconds between two looks at the files, and at which commands are due.
LOOK_S = 1.0


class Renewals:
    """Looks after credentials that change; does nothing if there are none."""

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self._credentials = credentials

    def __bool__(self) -> bool:
        return bool(self._credentials)

    def look(self) -> None:
        """Have each credential that is due be read again."""
        for each in self._credentials:
            try:
                each.look()
            except Exception as bug:  # noqa: BLE001 - nobody else would look after the others
                with suppress(Exception):
                    unexpected(bug, "credential", "credential")

    def keep_looking(self, pause: Callable[[float], object]) -> None:
        """Look, for ever."""
        while True:
            self.look()
            pause(LOOK_S)
