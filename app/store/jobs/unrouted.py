"""Background responses that a worker leaves to others, since it does not know their model.

A job that was left is in no queue, where the worker that left it would take it again. It keeps a
lease, longer than it is to wait: if no worker looks for what was left (those of an earlier release
do not), a sweep settles it like any that was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from app.domain.ids import tag_of
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.jobs.base import Claim
from app.store.jobs.codec import claim_of
from app.store.jobs.queues import JobQueues
from app.store.jobs.redis import MAX_LOST_LEASES
from app.store.jobs.scripts import FINISHER, GIVE_BACK
from app.store.keys import Keys


class UnroutedJobs:
    """Keeps jobs that were left. Methods raise StorageUnavailable when Redis is unreachable.

    `wait_s` is how long one may be left, `lease_s` how long a silent worker owns a job.
    """

    def __init__(self, client: Client, prefix: str, lease_s: float, wait_s: float) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._queues = JobQueues(client, self._keys, lease_s)
        self._left_ms = int(wait_s * 2000) + int(lease_s * 1000)

    def leave(self, claim: Claim) -> Claim | None:
        """Leave a job to others; if it was taken over, return the claim to finish it with."""
        response_id = claim.response_id
        index = self._keys.index(tag_of(response_id) or "")
        arguments = (response_id, claim.lease_token, "stopped", MAX_LOST_LEASES, self._keys.news)
        with translated():
            fields = GIVE_BACK((index,), arguments).run(self._redis)
            if fields and len(fields) > 1:
                return claim_of(response_id, FINISHER, token_hex(8), fields)
            if fields:
                self._queues.leave_unrouted(response_id, self._left_ms)
        return None

    def waiting(self) -> Sequence[tuple[str, float]]:
        """Return what was left, and for how many seconds it has been, the oldest first."""
        with translated():
            return self._queues.unrouted()

    def take(self, response_id: str) -> bool:
        """Take a job that was left; True for one of the workers that try."""
        with translated():
            return self._queues.retake_unrouted(response_id)
