"""Background responses that a worker leaves to others, since it does not know their model.

A job that was left is in no queue, where the worker that left it would take it again. It keeps a
lease, longer than it is to wait: if no worker looks for what was left (those of an earlier release
do not), a sweep settles it like any that was lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER
from app.store.jobs.base import Claim
from app.store.jobs.queues import JobQueues
from app.store.jobs.records import JobRecords
from app.store.key_wrapping import KeyWrapping
from app.store.keys import Keys


class UnroutedJobs:
    """Keeps jobs that were left. Methods raise StorageUnavailable when Redis is unreachable.

    `wait_s` is how long one may be left, `lease_s` how long a silent worker owns a job. `wrapping`
    wraps the keys of those that are encrypted.
    """

    def __init__(
        self, client: Client, prefix: str, lease_s: float, wait_s: float, wrapping: KeyWrapping
    ) -> None:
        keys = Keys(prefix)
        self._records = JobRecords(client, keys, ONE_SERVER, wrapping)
        self._queues = JobQueues(client, keys, lease_s)
        self._left_ms = int(wait_s * 2000) + int(lease_s * 1000)

    def leave(self, claim: Claim) -> Claim | None:
        """Leave a job to others; if it was taken over, return the claim to finish it with."""
        with translated():
            freed = self._records.give_back(claim.response_id, claim.lease_token, "stopped")
            if isinstance(freed, Claim):
                return freed
            if isinstance(freed, bytes):
                self._queues.leave_unrouted(claim.response_id, self._left_ms)
        return None

    def waiting(self) -> Sequence[tuple[str, float]]:
        """Return what was left, and for how many seconds it has been, the oldest first."""
        with translated():
            return self._queues.unrouted()

    def take(self, response_id: str) -> bool:
        """Take a job that was left; True for one of the workers that try."""
        with translated():
            return self._queues.retake_unrouted(response_id)
