"""One attempt to deliver an event to its endpoint: written, signed, sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from app.domain.webhooks.deliveries import Receipt
from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent
from app.services.webhooks.signing import SecretUnreadable, WebhookSigner


class Sender(Protocol):
    """Posts a body to a URL within its time limit; raises nothing."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Return the outcome."""
        ...


class Courier:
    """Delivers events to endpoints. `write` makes an event's body, `now` returns Unix seconds."""

    def __init__(
        self,
        sender: Sender,
        signer: WebhookSigner,
        write: Callable[[WebhookEvent], bytes],
        now: Callable[[], float],
    ) -> None:
        self._sender = sender
        self._signer = signer
        self._write = write
        self._now = now

    def take(self, endpoint: WebhookEndpoint, event: WebhookEvent) -> Receipt:
        """Return the outcome. Raises StorageUnavailable if the secret cannot be read."""
        body = self._write(event)
        try:
            headers = self._signer.headers(endpoint, event, body, self._now())
        except SecretUnreadable:
            return Receipt(fault="secret_unreadable")
        return self._sender.post(endpoint.url, body, headers)
