"""Lists what waits or runs in an account: background responses, and streams being sent."""

from __future__ import annotations

from typing import Any

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.summary import JobState, PendingList, PendingResponse
from app.store.connection.client import Client
from app.store.jobs.queues import AccountJobs, JobQueues
from app.store.keys import Keys
from app.store.listings.peeking import Peeking

#: Maximum number that are listed.
MOST_PENDING = 100


class PendingJobs:
    """Finds them in the queues. Its methods raise what redis-py raises."""

    def __init__(self, client: Client, keys: Keys, queues: JobQueues, peeking: Peeking) -> None:
        self._redis: Any = client
        self._keys = keys
        self._queues = queues
        self._peeking = peeking

    def of(self, account: str, key: ContentKey | None) -> PendingList:
        """Return an account's waiting and running responses."""
        jobs = self._queues.of_account(account, MOST_PENDING + 1)
        streams = self._streams(account, jobs)
        places = {each: place for place, each in enumerate(jobs.waiting, 1)}
        ids = [*dict.fromkeys([*jobs.leased, *jobs.waiting, *streams])]
        peeked = self._peeking.peek(account, ids[:MOST_PENDING], key, ("queued", "in_progress"))
        found = [
            PendingResponse(
                each,
                "stream" if each.id in streams else "background",
                _state(each.id, jobs),
                places.get(each.id),
            )
            for each in peeked.summaries
            if each
        ]
        found.sort(key=lambda each: (each.summary.created_at, each.queue_position or 0))
        return PendingList(tuple(found), len(ids) > MOST_PENDING)

    def _streams(self, account: str, jobs: AccountJobs) -> frozenset[str]:
        """Return the streams that are in the account's list of responses."""
        if not jobs.streams:
            return frozenset()
        key = self._keys.responses(account)
        times = self._redis.execute_command("ZMSCORE", key, *jobs.streams)
        listed = zip(jobs.streams, times, strict=True)
        return frozenset(each for each, at in listed if at is not None)


def _state(response_id: str, jobs: AccountJobs) -> JobState:
    if response_id in jobs.waiting:
        return "waiting"
    return "parked" if jobs.leased.get(response_id) else "running"
