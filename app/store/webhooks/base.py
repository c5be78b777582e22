"""What a store of webhooks must be able to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.webhooks.deliveries import AttemptEntry, Delivery
from app.domain.webhooks.endpoints import WebhookEndpoint

#: How many entries an endpoint's delivery log has.
MOST_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """What was due: look again in `pause_s`; `dropped` counts what was forgotten unsent: it was too
    old, or too much waited.
    """

    deliveries: Sequence[Delivery]
    pause_s: float
    dropped: int = 0


class WebhookStore(Protocol):
    """Keeps endpoints, the events that are on their way to them, and what became of those.

    Events come in with the end of a job (JobStore.finish). Every method raises StorageUnavailable
    when Redis is unreachable, and may then be repeated.
    """

    def endpoints(self, account: str) -> list[WebhookEndpoint]:
        """Return an account's endpoints, newest first."""
        ...

    def endpoint(self, account: str, endpoint_id: str) -> WebhookEndpoint | None:
        """Return an account's endpoint, if there is one of that id."""
        ...

    def owner(self, endpoint_id: str) -> str | None:
        """Return the account that an endpoint is of, whoever that is."""
        ...

    def add(self, endpoint: WebhookEndpoint, most: int) -> bool:
        """Add an endpoint; False where its account has `most` already."""
        ...

    def replace(self, before: WebhookEndpoint, after: WebhookEndpoint) -> bool:
        """Change an endpoint; False where it is not as it was `before` any more."""
        ...

    def remove(self, account: str, endpoint_id: str) -> bool:
        """Remove an endpoint with all that was to be sent to it; False where there is none."""
        ...

    def take(self, most: int) -> Taken:
        """Take some deliveries that are due, each under a lease, the longest waiting first."""
        ...

    def settle(
        self, delivery: Delivery, entry: AttemptEntry, *, failed: bool, quiet_until: float = 0.0
    ) -> bool:
        """Write what became of a delivery; it is tried again at `entry.next_at`, if that is set.

        Until `quiet_until` nothing is sent to its endpoint. Returns False for what is another
        worker's by now, or gone.
        """
        ...

    def log(self, endpoint: WebhookEndpoint, entry: AttemptEntry) -> None:
        """Write an entry into an endpoint's delivery log."""
        ...

    def entries(self, endpoint_id: str) -> list[AttemptEntry]:
        """Return an endpoint's delivery log, newest first."""
        ...

    def waiting(self, endpoint_id: str) -> int:
        """Return how many events are on their way to an endpoint."""
        ...

    def waiting_in_all(self) -> int:
        """Return how many events are on their way."""
        ...

    def purge(self, response_ids: Collection[str]) -> None:
        """Forget the deliveries of these responses, past and to come, whoever's they are."""
        ...

    def erase(self, account: str) -> None:
        """Forget all deliveries of an account, past and to come; its endpoints stay."""
        ...


def newest_first(endpoints: Iterable[WebhookEndpoint]) -> list[WebhookEndpoint]:
    """Return endpoints in the order of a list."""
    return sorted(endpoints, key=lambda each: each.id, reverse=True)
