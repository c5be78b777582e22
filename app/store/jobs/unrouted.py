"""Background responses that a worker leaves to others because it does not know their model.

Such a job is in no queue, where the same worker would take it again. It keeps a lease, longer than
it may wait: if no worker looks for such jobs (those of an earlier release do not), a sweep settles
it like a lost one.
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
    """Keeps unrouted jobs. Methods raise StorageUnavailable when Redis is unreachable.

    `wait_s` is how long a job may be left, `lease_s` how long a silent worker keeps a job.
    `wrapping` wraps the keys of encrypted ones.
    """

    def __init__(
        self, client: Client, prefix: str, lease_s: float, wait_s: float, wrapping: KeyWrapping
    ) -> None:
        keys = Keys(prefix)
        self._records = JobRecords(client, keys, ONE_SERVER, wrapping)
        self._queues = JobQueues(client, keys, lease_s)
        self._left_ms = int(wait_s * 2000) + int(lease_s * 1000)

    def leave(self, claim: Claim) -> bool:
        """Leave a job to others; False if it was taken over."""
        with translated():
            freed = self._records.give_back(claim.response_id, claim, "stopped")
            is_ours = isinstance(freed, bytes)
            if is_ours:
                self._queues.leave_unrouted(claim.response_id, self._left_ms)
        return is_ours

    def waiting(self) -> Sequence[tuple[str, float]]:
        """Return unrouted ids and the seconds since they were left, the oldest first."""
        with translated():
            return self._queues.unrouted()

    def take(self, response_id: str) -> bool:
        """Take an unrouted job; True for only one of the workers that try."""
        with translated():
            return self._queues.retake_unrouted(response_id)
