"""What a web process does besides answering requests, once it serves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from flask import Flask

from app.api import context
from app.errors import StorageUnavailable
from app.settings import Settings
from app.store.connection.checks import persistence
from app.store.connection.client import connect
from app.store.connection.reasons import explained
from app.store.permissions import permissions
from app.telemetry import configure_logging, log


def warn_of_storage(settings: Settings) -> None:
    """Log what could lose responses: a Redis that evicts, forbids, or persists nothing on disk."""
    configure_logging(settings.log_level, settings.log_format)
    try:
        client = connect(settings.redis)
        servers = persistence(client)
        refusals = permissions(client, settings.redis).refusals()
    except StorageUnavailable as fault:
        log.warning("storage_unavailable", reason=explained(fault))
        return
    if str(refusals):
        log.error("storage_forbidden", reason=str(refusals))
    for server in servers:
        for warning in server.warnings(settings.redis.wait_replicas):
            log.warning("storage_may_lose_responses", reason=str(warning))


def deliver_spooled(app: Flask) -> None:
    """Have a serving process deliver what is spooled; log an error if its spool is unwritable."""
    with app.app_context():
        services = context.services()
    spool, book = services.spool, services.meter.book
    if (fault := spool.folders.begin()) is not None:
        log.error("spool_unwritable", directory=str(spool.folders.directory), reason=fault)
    spool.start()
    record = partial(book.keep_recording_spooled, time.sleep)
    threading.Thread(target=record, name="usage-spool", daemon=True).start()


def show_saturation(app: Flask) -> None:
    """Have a serving process report how near it is to its bounds."""
    with app.app_context():
        context.services().saturation.start()


def compute_beside(app: Flask, run: Callable[[Callable[[], bytes]], bytes]) -> None:
    """Have `run` do what takes up to a second of CPU: keys of passphrases (N14), and /metrics."""
    with app.app_context():
        services = context.services()
    services.content_keys.beside = services.exposition.beside = run


def renew_credentials(app: Flask) -> None:
    """Have a serving process read credentials again, if there are any that can change."""
    with app.app_context():
        renewals = context.services().renewals
    if renewals:
        look = partial(renewals.keep_looking, time.sleep)
        threading.Thread(target=look, name="credentials", daemon=True).start()
