"""The protocol of a store of webhooks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.webhooks.deliveries import AttemptEntry, Delivery
from app.domain.webhooks.endpoints import WebhookEndpoint

#: Maximum number of entries in an endpoint's delivery log.
MOST_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """Deliveries that were due. Look again after `pause_s`.

    `dropped` is the number of events dropped unsent because they were too old, or too many waited.
    """

    deliveries: Sequence[Delivery]
    pause_s: float
    dropped: int = 0


class WebhookStore(Protocol):
    """Keeps endpoints, the events on their way to them, and the delivery logs.

    Events are added when a job ends (JobStore.finish). Every method raises StorageUnavailable when
    Redis is unreachable, and may then be repeated.
    """

    def endpoints(self, account: str) -> list[WebhookEndpoint]:
        """Return an account's endpoints, newest first."""
        ...

    def endpoint(self, account: str, endpoint_id: str) -> WebhookEndpoint | None:
        """Return an account's endpoint by its id, or None."""
        ...

    def owner(self, endpoint_id: str) -> str | None:
        """Return the account that owns an endpoint, or None."""
        ...

    def add(self, endpoint: WebhookEndpoint, most: int) -> bool:
        """Add an endpoint; False if its account has `most` already."""
        ...

    def replace(self, before: WebhookEndpoint, after: WebhookEndpoint) -> bool:
        """Change an endpoint; False if it no longer equals `before`."""
        ...

    def remove(self, account: str, endpoint_id: str) -> bool:
        """Remove an endpoint with everything waiting for it; False if there is none."""
        ...

    def take(self, most: int) -> Taken:
        """Take some due deliveries, each under a lease, the longest waiting first."""
        ...

    def settle(
        self, delivery: Delivery, entry: AttemptEntry, *, failed: bool, quiet_until: float = 0.0
    ) -> bool:
        """Record the result of a delivery; it is tried again at `entry.next_at`, if that is set.

        Until `quiet_until` nothing is sent to its endpoint. Returns False if another worker has it
        by now, or it is gone.
        """
        ...

    def log(self, endpoint: WebhookEndpoint, entry: AttemptEntry) -> None:
        """Add an entry to an endpoint's delivery log."""
        ...

    def entries(self, endpoint_id: str) -> list[AttemptEntry]:
        """Return an endpoint's delivery log, newest first."""
        ...

    def waiting(self, endpoint_id: str) -> int:
        """Return the number of events on their way to an endpoint."""
        ...

    def waiting_in_all(self) -> int:
        """Return the number of events on their way to all endpoints."""
        ...

    def purge(self, response_ids: Collection[str]) -> None:
        """Delete past and future deliveries of these responses, whatever their account."""
        ...

    def erase(self, account: str) -> None:
        """Delete all past and future deliveries of an account; its endpoints stay."""
        ...


def newest_first(endpoints: Iterable[WebhookEndpoint]) -> list[WebhookEndpoint]:
    """Return endpoints sorted as lists show them."""
    return sorted(endpoints, key=lambda each: each.id, reverse=True)
