"""Background responses that a worker leaves to others, since it does not know their model.

A job that was left is in no queue, where whoever left it would take it again. It keeps a lease,
longer than it is to wait: should nobody look (a worker of a release that does not), a sweep settles
it like any that was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from app.domain.ids import tag_of
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Script
from app.store.jobs.base import Claim
from app.store.jobs.codec import claim_of
from app.store.jobs.redis import MAX_LOST_LEASES
from app.store.jobs.scripts import (
    FINISHER,
    GIVE_BACK,
    LEAVE_UNROUTED,
    RETAKE_UNROUTED,
    UNROUTED,
)
from app.store.keys import Keys

#: How many are looked at at once.
AT_ONCE = 100


class UnroutedJobs:
    """Keeps jobs that were left. Every method raises StorageUnavailable when the store is away.

    `wait_s` is how long one may be left, `lease_s` how long a silent worker owns a job.
    """

    def __init__(self, client: Client, prefix: str, lease_s: float, wait_s: float) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._lease_ms = int(lease_s * 1000)
        self._left_ms = int(wait_s * 2000) + self._lease_ms

    def leave(self, claim: Claim) -> Claim | None:
        """Leave a job to others; where somebody has seized it, return the claim to end it with."""
        response_id = claim.response_id
        index = self._keys.index(tag_of(response_id) or "")
        told = (response_id, claim.owner, "stopped", MAX_LOST_LEASES, self._keys.news)
        with translated():
            held = GIVE_BACK((index,), told).run(self._redis)
            if held and len(held) > 1:
                return claim_of(response_id, FINISHER, token_hex(8), held)
            if held:
                self._run(LEAVE_UNROUTED, response_id, self._left_ms)
        return None

    def left(self) -> Sequence[tuple[str, float]]:
        """Return what was left, and for how many seconds it has been, the oldest first."""
        with translated():
            found = self._run(UNROUTED, AT_ONCE)
        return [(i.decode(), int(ms) / 1000) for i, ms in zip(found[::2], found[1::2], strict=True)]

    def retake(self, response_id: str) -> bool:
        """Take a job that was left; True for one of those who try."""
        with translated():
            return bool(self._run(RETAKE_UNROUTED, response_id, self._lease_ms))

    def _run(self, script: Script, *arguments: Any) -> Any:
        return script((self._keys.jobs,), arguments).run(self._redis)
