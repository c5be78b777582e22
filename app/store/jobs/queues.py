"""The queues of background responses in Redis: waiting, leased, parked and unrouted jobs.

Keys are described in lua/queues/queues.lua. Every method raises what redis-py raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

from app.domain.webhooks.endpoints import event_id, event_type
from app.store.connection.client import Client
from app.store.connection.script import Call, Script
from app.store.jobs.scripts import (
    ACCEPTED,
    ACCOUNT_JOBS,
    DUE,
    FIGURES,
    FORGET,
    LEAVE_UNROUTED,
    LOST,
    PARK,
    PUSH,
    RENEW,
    RESERVE,
    RETAKE_UNROUTED,
    TAKE,
    UNROUTED,
)
from app.store.keys import Keys

#: Maximum number of ids handled at once.
AT_ONCE = 100
#: Seconds after which a job without room is tried again, by the next heartbeat.
CROWDED_S = 1.0
#: Maximum number of leases, and of streams, examined to find those of an account.
LOOKED_AT = 5_000


class AccountJobs(NamedTuple):
    """Ids of jobs: `waiting` in order; `leased` with whether each is parked.

    `streams` are those of all accounts.
    """

    waiting: list[str]
    leased: dict[str, bool]
    streams: list[str]


class JobQueues:
    """The queues of all accounts. `lease_s` is how long a silent worker keeps a job."""

    def __init__(self, client: Client, keys: Keys, lease_s: float) -> None:
        self._redis: Any = client
        self._keys = keys
        self._lease_ms = int(lease_s * 1000)

    def reserve(self, account: str, response_id: str, max_queued: int) -> bool:
        """Lease a job that is to be queued; False if the account has too many waiting."""
        return bool(self._run(RESERVE, account, response_id, max_queued, self._lease_ms))

    def pushing(self, account: str, response_id: str) -> Call:
        """Return the call that accepts a job, so that it waits."""
        return PUSH((self._keys.jobs,), (account, response_id))

    def push(self, account: bytes, response_id: str) -> None:
        """Accept a job, so that it waits."""
        self._run(PUSH, account, response_id)

    def take(self, token: str) -> str | None:
        """Take the next job, round robin over the accounts, under a new lease.

        A token that has one, whose reply was lost, gets the same again.
        """
        # Without a lease there is nothing to remember, and Redis refuses an expiry of 0.
        taken = self._run(TAKE, self._lease_ms, token if self._lease_ms > 0 else "")
        return taken.decode() if taken else None

    def renew(self, response_ids: Sequence[str], idle_s: float) -> None:
        """Renew the leases of these jobs; their worker could last take one `idle_s` seconds ago."""
        idle_ms = int(idle_s * 1000) if isfinite(idle_s) else -1
        self._run(RENEW, self._lease_ms, idle_ms, *response_ids)

    def park(self, response_id: str, after_s: float) -> None:
        """Queue a job again after `after_s` seconds."""
        self._run(PARK, response_id, int(after_s * 1000))

    def due(self) -> int:
        """Queue jobs that were parked long enough; return their number."""
        due: int = self._run(DUE, AT_ONCE)
        return due

    def lost(self) -> list[str]:
        """Return some ids whose lease has expired, and renew their leases."""
        return [each.decode() for each in self._run(LOST, self._lease_ms, AT_ONCE)]

    def is_accepted(self, response_id: str) -> bool:
        """Tell whether a job was ever accepted."""
        return bool(self._run(ACCEPTED, response_id))

    def forget(self, response_id: str) -> None:
        """Remove an id from the queues and leases."""
        self._run(FORGET, response_id)

    def end(self, response_id: str, status: str) -> None:
        """Do that for a job that has ended, and queue its webhook event (C4)."""
        kind = event_type(status)
        self._run(FORGET, response_id, event_id(response_id, kind), kind, self._keys.news)

    def figures(self) -> tuple[int, int, int, int, int]:
        """Return how much waits and runs, and since when no worker was there.

        These are the ms since a worker could take a job (-1: never), how many jobs wait, how many
        are leased, the age in ms of the oldest waiting, and the ms since a heartbeat (-1: never).
        """
        silence_ms, queued, leased, oldest_ms, beat_ms = self._run(FIGURES)
        return silence_ms, queued, leased, oldest_ms, beat_ms

    def of_account(self, account: str, most: int) -> AccountJobs:
        """Return an account's jobs, at most `most` waiting and leased each, and any streams."""
        waiting, leased, parked, streams = self._run(ACCOUNT_JOBS, account, most, LOOKED_AT)
        flags = zip(leased, parked, strict=True)
        return AccountJobs(
            [each.decode() for each in waiting],
            {each.decode(): bool(is_parked) for each, is_parked in flags},
            [each.decode() for each in streams],
        )

    def leave_unrouted(self, response_id: str, for_ms: int) -> None:
        """Leave a job to workers that know its model, under a lease of `for_ms`."""
        self._run(LEAVE_UNROUTED, response_id, for_ms)

    def unrouted(self) -> list[tuple[str, float]]:
        """Return unrouted ids and the seconds since they were left, the oldest first."""
        found = self._run(UNROUTED, AT_ONCE)
        return [(i.decode(), int(ms) / 1000) for i, ms in zip(found[::2], found[1::2], strict=True)]

    def retake_unrouted(self, response_id: str) -> bool:
        """Take an unrouted job; True for only one of the workers that try."""
        return bool(self._run(RETAKE_UNROUTED, response_id, self._lease_ms))

    def _run(self, script: Script, *arguments: Any) -> Any:
        return script((self._keys.jobs,), arguments).run(self._redis)


def seconds_since(milliseconds: int) -> float:
    """Convert a time in ms to seconds; a negative one, which means never, to infinity."""
    return float("inf") if milliseconds < 0 else milliseconds / 1000
