"""Metrics and log lines about the keys of upstream providers: their ids, never a key."""

from __future__ import annotations

from time import time
from typing import Literal

from prometheus_client import Counter, Gauge

from app.telemetry.logs import log

KEY_READS = Counter(
    "gateway_upstream_key_reads",
    "Re-reads of a credential from its file or command, by outcome.",
    ["provider", "key", "outcome"],
)
KEY_RESTS_UNTIL = Gauge(
    "gateway_upstream_key_rests_until_timestamp_seconds",
    "Unix time until which a key of a pool is not used, the latest of all processes; 0 if its rest "
    "was ended early.",
    ["provider", "key"],
    multiprocess_mode="livemax",
)


def key_read(
    provider: str, key: str | None, outcome: Literal["changed", "unchanged", "failed"]
) -> None:
    """Count a reread of a credential; None is a provider's only key."""
    KEY_READS.labels(provider, key or "", outcome).inc()


def key_rests(provider: str, key: str, seconds: float, cause: str) -> None:
    """Record and log that a key rests for so many seconds from now on; 0 ends its rest."""
    KEY_RESTS_UNTIL.labels(provider, key).set(time() + seconds if seconds else 0)
    if seconds:
        log.warning(
            "upstream_key_rests",
            provider=provider,
            upstream_key=key,
            error_code=cause,
            seconds=seconds,
        )
    else:
        log.info("upstream_key_rested", provider=provider, upstream_key=key)
