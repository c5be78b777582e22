"""Builds what purges: the worker's sweep, and the service behind an operator's command."""

from __future__ import annotations

import time
from secrets import token_hex

from app.factory.core import Core, idempotency_store, request_log_store
from app.factory.webhooks import webhook_store
from app.services.answering.sealing import PayloadSealer
from app.services.background.service import Background
from app.services.limits.request_log import RequestLog
from app.services.retention.copies import Copies
from app.services.retention.purges import Purges
from app.services.retention.sweep import RetentionSweep
from app.settings import Settings
from app.store.connection.client import Client
from app.store.retention.redis import RedisRetention
from app.store.retention.search import RedisPurgeSearch
from app.store.spool.delivery import SpoolDelivery


def copies_of(settings: Settings, client: Client, core: Core) -> Copies:
    """Return what has copies of responses outside their store, or names them."""
    return Copies(
        RequestLog(request_log_store(settings, client)),
        webhook_store(settings, client, core.jobs.safety),
        RedisRetention(client, settings.redis.prefix, core.jobs.safety),
        idempotency_store(settings, client, core),
    )


def sweep_of(settings: Settings, client: Client, core: Core) -> RetentionSweep:
    """Return the sweep, which purges what is due in one worker at a time."""
    return RetentionSweep(
        RedisRetention(client, settings.redis.prefix, core.jobs.safety),
        copies_of(settings, client, core),
        token_hex(8),
        time.monotonic,
    )


def purges_of(
    settings: Settings, client: Client, core: Core, spool: SpoolDelivery, background: Background
) -> Purges:
    """Return the service that purges by age or end user for an operator."""
    prefix = settings.redis.prefix
    return Purges(
        RedisRetention(client, prefix, core.jobs.safety),
        RedisPurgeSearch(client, prefix),
        copies_of(settings, client, core),
        spool,
        background,
        core.accounts,
        core.meter.book,
        PayloadSealer(core.accounts.secret).user_hash,
    )
