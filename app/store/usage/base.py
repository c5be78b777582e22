"""What a store of usage must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from app.domain.accounts.usage import UsageLine
from app.store.rate_limits.base import Adjustment

#: So many keys and models have lines of their own on one day of an account; what comes after
#: them is counted under this model, so that nobody can fill the store with names.
MAX_LINES_A_DAY = 2_000
OTHER_MODELS = "(other)"


class UsageStore(Protocol):
    """Adds up use. Every method raises StorageUnavailable when Redis is unreachable."""

    def record(
        self, lines: Sequence[UsageLine], adjustment: Adjustment | None = None
    ) -> Sequence[UsageLine]:
        """Add lines, and put right what was counted for a request, all in one round trip.

        Returns the lines that are to be written again: where Redis is unreachable for some only.
        What it refuses is dropped, logged and counted, and keeps no other line from its account.
        """
        ...

    def read(self, account: str, days: Sequence[date]) -> list[UsageLine]:
        """Return what an account used on these days, by day, key and model."""
        ...
