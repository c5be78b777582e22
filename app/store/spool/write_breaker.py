"""A breaker for writes: once the store has refused writes for a while, none is tried."""

from __future__ import annotations

from app.errors import StorageUnavailable
from app.store.connection.reasons import reason
from app.telemetry import log


class WriteBreaker:
    """Whether the store takes writes, as far as this process knows.

    While open, `why` is the store's last error.
    """

    def __init__(self) -> None:
        self.why: StorageUnavailable | None = None

    @property
    def is_open(self) -> bool:
        return self.why is not None

    def open(self, why: StorageUnavailable) -> None:
        """Record that the store did not take a write for a while."""
        if self.why is None:
            log.warning("store_refuses_writes", reason=reason(why))
        self.why = why

    def close(self) -> None:
        """Record that the store took a write."""
        if self.why is not None:
            log.info("store_takes_writes")
        self.why = None
