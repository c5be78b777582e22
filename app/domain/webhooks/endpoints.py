"""Webhook endpoints: the URLs to which an account wants events sent (C4, N4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

#: Maximum number of endpoints of an account (N4).
MOST_ENDPOINTS = 100
#: Events of a background response: OpenAI's types that concern responses.
EVENT_TYPES = (
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
)
#: Seconds for which a replaced secret may still sign, if it is kept.
OVERLAP_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint of an account; times are in Unix seconds.

    Its secrets are sealed (services/webhooks/signing.py); the old one signs as well until
    `old_secret_ends_at`. Ids are ordered by creation time.
    """

    id: str
    account: str
    name: str
    url: str
    event_types: tuple[str, ...]
    created_at: int
    updated_at: int
    signing_secret_hint: str
    sealed_secret: str
    old_sealed_secret: str | None = None
    old_secret_ends_at: int | None = None


@dataclass(frozen=True, slots=True)
class SecretEndpoint:
    """An endpoint with its secret, `whsec_…`, which is shown only once."""

    endpoint: WebhookEndpoint
    signing_secret: str


@dataclass(frozen=True, slots=True)
class EndpointPage:
    """One page of an account's endpoints, newest first."""

    endpoints: tuple[WebhookEndpoint, ...]
    has_more: bool

    @property
    def first_id(self) -> str | None:
        """The id of the first endpoint, if there is one."""
        return self.endpoints[0].id if self.endpoints else None

    @property
    def last_id(self) -> str | None:
        """The id of the last endpoint, if there is one."""
        return self.endpoints[-1].id if self.endpoints else None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event of a response; `created_at` is in Unix seconds."""

    id: str
    type: str
    created_at: int
    response_id: str


def event_type(status: str) -> str:
    """Return the event type for a response's final status."""
    return f"response.{status}"


def event_id(response_id: str, kind: str) -> str:
    """Return the id of a response's event: the same, however often the event is detected."""
    return "evt_" + hashlib.sha256(f"{response_id} {kind}".encode()).hexdigest()[:32]
