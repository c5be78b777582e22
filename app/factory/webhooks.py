"""Builds webhooks: the service of endpoints for web, the dispatcher for a worker."""

from __future__ import annotations

import random
import threading
import time

from app.providers.webhooks.sender import WebhookSender
from app.randomness import random_bytes
from app.schemas.webhooks.wire import event_body
from app.services.accounts.service import Accounts
from app.services.limits.limiter import NO_TOKENS, RateLimiter
from app.services.webhooks.courier import Courier
from app.services.webhooks.dispatcher import Dispatcher
from app.services.webhooks.endpoints import WebhookEndpoints
from app.services.webhooks.signing import WebhookSigner
from app.settings import Settings
from app.store.connection.client import Client
from app.store.connection.replication import Safety
from app.store.webhooks.redis import RedisWebhookStore


def webhook_store(settings: Settings, client: Client, safety: Safety) -> RedisWebhookStore:
    """Return the webhook store; an attempt that is a lease overdue belonged to a lost worker."""
    lease_s = settings.webhooks.timeout_s + settings.background.lease_s
    return RedisWebhookStore(client, settings.redis.prefix, lease_s, safety)


def webhook_endpoints(
    settings: Settings, store: RedisWebhookStore, accounts: Accounts, limiter: RateLimiter
) -> WebhookEndpoints:
    """Return the service of endpoints."""
    signer = _signer(settings, accounts)
    courier = Courier(_sender(settings), signer, event_body, time.time)
    return WebhookEndpoints(
        store,
        signer,
        courier,
        settings.webhooks,
        entropy=random_bytes,
        reserve=lambda caller: limiter.reserve(caller, lambda: NO_TOKENS),
    )


def webhook_dispatcher(
    settings: Settings, store: RedisWebhookStore, accounts: Accounts, stopped: threading.Event
) -> Dispatcher:
    """Return the dispatcher, which delivers until `stopped` is set."""
    sender, signer = _sender(settings), _signer(settings, accounts)
    return Dispatcher(
        store,
        Courier(sender, signer, event_body, time.time),
        accounts.is_active,
        stopped,
        now=time.time,
        chance=random.random,
    )


def _sender(settings: Settings) -> WebhookSender:
    return WebhookSender(settings.webhooks, ca_file=settings.network.ca_file)


def _signer(settings: Settings, accounts: Accounts) -> WebhookSigner:
    return WebhookSigner(accounts.secret, settings.webhooks.seal_key, random_bytes)
