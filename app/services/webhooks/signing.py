"""The secrets of webhook endpoints: makes them, keeps them sealed, signs with them.

A secret is sealed under a key made from the deployment's secret, which is in Redis, and from
GATEWAY_SECRET, which is not: a copy of Redis alone then does not allow signing. Without that
variable, key and secret lie side by side (SECURITY.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent
from app.store.encryption import decrypted, encrypted

_PREFIX = "whsec_"
_LENGTH = 32
_PURPOSE = b"webhook secret\0"
#: Prefix of a sealed secret: whether GATEWAY_SECRET is needed to open it.
_WITH, _WITHOUT = "2.", "1."


class SecretUnreadable(Exception):
    """A secret was sealed with another GATEWAY_SECRET, or none is set here."""


class WebhookSigner:
    """Makes and seals secrets, and signs with them.

    `secret` returns the deployment's secret, `seal_key` is GATEWAY_SECRET; `entropy` returns as
    many random bytes as requested.
    """

    def __init__(
        self, secret: Callable[[], bytes], seal_key: str | None, entropy: Callable[[int], bytes]
    ) -> None:
        self._secret = secret
        self._seal_key = seal_key
        self._entropy = entropy

    def new_secret(self) -> str:
        """Return a new secret, as receivers and OpenAI's SDK take it."""
        return _PREFIX + base64.b64encode(self._entropy(_LENGTH)).decode()

    def hint(self, secret: str) -> str:
        """Return the part of a secret that may be shown again and again."""
        return f"{_PREFIX}...{secret.rstrip('=')[-4:]}"

    def seal(self, endpoint_id: str, secret: str) -> str:
        """Return a secret in the form in which it is stored."""
        tag = _WITHOUT if self._seal_key is None else _WITH
        blob = encrypted(secret.encode(), self._key(endpoint_id, tag))
        return tag + base64.b64encode(blob).decode()

    def headers(
        self, endpoint: WebhookEndpoint, event: WebhookEvent, body: bytes, now: float
    ) -> dict[str, str]:
        """Return the headers that identify the event and prove to its receiver that it is ours.

        Raises:
            SecretUnreadable: the endpoint's secret cannot be opened here.
        """
        moment = datetime.fromtimestamp(int(now), UTC)
        signatures = [
            Webhook(secret).sign(event.id, moment, body.decode())
            for secret in self._secrets(endpoint, now)
        ]
        return {
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": " ".join(signatures),
        }

    def _secrets(self, endpoint: WebhookEndpoint, now: float) -> list[str]:
        """Return the secrets that sign, the newest first."""
        secrets = [self._open(endpoint.id, endpoint.sealed_secret)]
        if endpoint.old_sealed_secret and now < (endpoint.old_secret_ends_at or 0):
            with suppress(SecretUnreadable):  # that may be why it was replaced
                secrets.append(self._open(endpoint.id, endpoint.old_sealed_secret))
        return secrets

    def _open(self, endpoint_id: str, sealed: str) -> str:
        tag, blob = sealed[: len(_WITH)], sealed[len(_WITH) :]
        data = decrypted(base64.b64decode(blob), self._key(endpoint_id, tag))
        if data is None:
            raise SecretUnreadable
        return data.decode()

    def _key(self, endpoint_id: str, tag: str) -> bytes:
        key = self._secret()
        if tag == _WITH and self._seal_key is not None:
            key = hmac.digest(self._seal_key.encode(), key, hashlib.sha256)
        return hmac.digest(key, _PURPOSE + endpoint_id.encode(), hashlib.sha256)
