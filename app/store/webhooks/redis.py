"""Webhooks in Redis, in the slot of the jobs' queues; lua/webhooks.lua describes the keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app.domain.webhooks.deliveries import TRIED_S, AttemptEntry, Delivery
from app.domain.webhooks.endpoints import WebhookEndpoint
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Safety
from app.store.connection.script import Script
from app.store.keys import Keys
from app.store.webhooks.base import MOST_ENTRIES, Taken, newest_first
from app.store.webhooks.codec import (
    dump_endpoint,
    dump_entry,
    load_delivery,
    load_endpoint,
    load_entry,
    response_of,
)
from app.store.webhooks.scripts import ERASE, LOG, PUT, REMOVE, SETTLE, TAKE, WAITING

#: Number of endpoints examined in one step.
AT_ONCE = 200
#: Maximum number of deliveries under way to an endpoint, and of an account, by all workers.
MOST_TO_ENDPOINT, MOST_OF_ACCOUNT = 4, 12
#: Maximum rest of an endpoint that fails repeatedly, in seconds.
LONGEST_REST_S = 60


class RedisWebhookStore:
    """Implements WebhookStore on any Redis >= 6.2, Cluster included.

    A delivery that a worker has taken is due again after `lease_s`. `safety` says how many replicas
    must have an endpoint before it counts as stored.
    """

    def __init__(
        self, client: Client, prefix: str, lease_s: float, safety: Safety = ONE_SERVER
    ) -> None:
        self._redis: Any = client
        self._jobs = Keys(prefix).jobs
        self._lease_ms = int(lease_s * 1000)
        self._safety = safety

    def endpoints(self, account: str) -> list[WebhookEndpoint]:
        """Return an account's endpoints, newest first."""
        with translated():
            found = self._redis.hgetall(self._key("endpoints", account))
        return newest_first(load_endpoint(account, *each) for each in found.items())

    def endpoint(self, account: str, endpoint_id: str) -> WebhookEndpoint | None:
        """Return an account's endpoint by its id, or None."""
        with translated():
            kept = self._redis.hget(self._key("endpoints", account), endpoint_id)
        return None if kept is None else load_endpoint(account, endpoint_id.encode(), kept)

    def owner(self, endpoint_id: str) -> str | None:
        """Return the account that owns an endpoint, or None."""
        with translated():
            account = self._redis.hget(self._key("owners"), endpoint_id)
        return None if account is None else str(account.decode())

    def add(self, endpoint: WebhookEndpoint, most: int) -> bool:
        """Add an endpoint; False if its account has `most` already."""
        return self._put(endpoint, b"", most) > 0

    def replace(self, before: WebhookEndpoint, after: WebhookEndpoint) -> bool:
        """Change an endpoint; False if it no longer equals `before`."""
        return self._put(after, dump_endpoint(before), 0) > 0

    def _put(self, endpoint: WebhookEndpoint, before: bytes, most: int) -> int:
        arguments = (endpoint.account, endpoint.id, before, dump_endpoint(endpoint), most)
        with translated():
            (put,) = self._safety.run(self._redis, PUT((self._jobs,), arguments))
        return int(put)

    def remove(self, account: str, endpoint_id: str) -> bool:
        """Remove an endpoint with everything waiting for it; False if there is none."""
        with translated():
            remove = REMOVE((self._jobs,), (account, endpoint_id))
            (was_there,) = self._safety.run(self._redis, remove)
        return bool(was_there)

    def take(self, most: int) -> Taken:
        """Take some due deliveries, each under a lease, the longest waiting first."""
        bounds = (MOST_TO_ENDPOINT, MOST_OF_ACCOUNT, TRIED_S, AT_ONCE)
        pause_ms, dropped, *found = self._run(TAKE, self._lease_ms, most, *bounds)
        deliveries = [load_delivery(*found[at : at + 5]) for at in range(0, len(found), 5)]
        return Taken(deliveries, float("inf") if pause_ms < 0 else pause_ms / 1000, dropped)

    def settle(
        self, delivery: Delivery, entry: AttemptEntry, *, failed: bool, quiet_until: float = 0.0
    ) -> bool:
        """Record the result of a delivery; False if another worker has it by now, or it is gone."""
        again = "" if entry.next_at is None else int(entry.next_at * 1000)
        return bool(
            self._run(
                SETTLE,
                delivery.endpoint.id,
                delivery.event.id,
                delivery.attempt,
                int(failed),
                again,
                int(quiet_until * 1000),
                dump_entry(entry),
                MOST_ENTRIES,
                LONGEST_REST_S * 1000,
            )
        )

    def log(self, endpoint: WebhookEndpoint, entry: AttemptEntry) -> None:
        """Add an entry to an endpoint's delivery log."""
        self._run(LOG, endpoint.account, endpoint.id, dump_entry(entry), MOST_ENTRIES)

    def entries(self, endpoint_id: str) -> list[AttemptEntry]:
        """Return an endpoint's delivery log, newest first."""
        with translated():
            return list(map(load_entry, self._redis.lrange(self._log(endpoint_id), 0, -1)))

    def waiting(self, endpoint_id: str) -> int:
        """Return the number of events on their way to an endpoint."""
        with translated():
            return int(self._redis.hlen(self._key("events", endpoint_id)))

    def waiting_in_all(self) -> int:
        """Return the number of events on their way to all endpoints."""
        return int(self._run(WAITING))

    def purge(self, response_ids: Collection[str]) -> None:
        """Delete past and future deliveries of these responses, whatever their account."""
        with translated():
            for endpoint_id in self._redis.hkeys(self._key("owners")):
                self._purge(endpoint_id.decode(), response_ids)

    def _purge(self, endpoint_id: str, response_ids: Collection[str]) -> None:
        events, due = self._key("events", endpoint_id), self._key("due", endpoint_id)
        gone = [
            event
            for event, text in self._redis.hscan_iter(events, count=AT_ONCE)
            if response_of(text) in response_ids
        ]
        if gone:  # one that is being sent now cannot be settled then; one that is due is dropped
            self._redis.hdel(events, *gone)
            self._redis.zrem(due, *gone)
        for entry in self._redis.lrange(self._log(endpoint_id), 0, -1):
            if load_entry(entry).response_id in response_ids:
                self._redis.lrem(self._log(endpoint_id), 0, entry)

    def erase(self, account: str) -> None:
        """Delete all past and future deliveries of an account; its endpoints stay."""
        for endpoint in self.endpoints(account):
            self._run(ERASE, endpoint.id)

    def _run(self, script: Script, *arguments: Any) -> Any:
        with translated():
            return script((self._jobs,), arguments).run(self._redis)

    def _log(self, endpoint_id: str) -> str:
        return self._key("attempts", endpoint_id)

    def _key(self, *names: str) -> str:
        return ":".join((self._jobs, "webhooks", *names))
