"""Whether the store takes writes: after one that it did not take for a while, none is tried."""

from __future__ import annotations

from app.errors import StorageUnavailable
from app.store.connection.reasons import reason
from app.telemetry import log


class WriteBreaker:
    """Whether the store takes writes, as far as this process knows.

    Open it refuses, and `why` says what the store did last.
    """

    def __init__(self) -> None:
        self.why: StorageUnavailable | None = None

    @property
    def is_open(self) -> bool:
        return self.why is not None

    def open(self, why: StorageUnavailable) -> None:
        """Take note that the store did not take a write for a while."""
        if self.why is None:
            log.warning("store_refuses_writes", reason=reason(why))
        self.why = why

    def close(self) -> None:
        """Take note that it took one."""
        if self.why is not None:
            log.info("store_takes_writes")
        self.why = None
