"""Deliveries: an event on its way to an endpoint, retried for a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent

#: Seconds for which an event is tried, counted from when it happened.
TRIED_S = 24 * 3600
#: The first and the longest pause between attempts, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3600.0

#: Why an attempt got no answer.
Fault = Literal[
    "timeout",
    "private_address",
    "unresolved",
    "insecure_url",
    "tls_failed",
    "connection_failed",
    "no_answer",
    "account_disabled",
    "secret_unreadable",
]
#: The same in words, which follow "The endpoint".
FAULTS: dict[Fault, str] = {
    "timeout": "did not answer in time",
    "private_address": "has no public address, and [webhooks] allow_private_addresses is false",
    "unresolved": "has a host that could not be resolved",
    "insecure_url": "is not reached by https, and [webhooks] allow_private_addresses is false",
    "tls_failed": "did not agree on TLS: its certificate cannot be verified, or it knows nothing "
    "newer than TLS 1.1, or it wants a certificate of ours",
    "connection_failed": "could not be connected to",
    "no_answer": "did not answer with HTTP",
    "account_disabled": "is of an account that is disabled",
    "secret_unreadable": "has a secret of another GATEWAY_SECRET: rotate it",
}

Outcome = Literal["delivered", "retried", "failed"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of one attempt: the answer's status, or why there was none.

    `retry_after_s` is the answer's Retry-After. Any status from 200 to 299 accepts the event.
    """

    status: int | None = None
    fault: Fault | None = None
    retry_after_s: float | None = None
    duration_s: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has accepted the event."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event to be sent to an endpoint now, for the `attempt`th time."""

    endpoint: WebhookEndpoint
    event: WebhookEvent
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptEntry:
    """An entry of the delivery log, for one attempt; times are in Unix seconds.

    `next_at` is the time of the next attempt. A test event has attempt 0.
    """

    at: float
    event_id: str
    type: str
    response_id: str
    attempt: int
    outcome: Outcome
    status: int | None
    error: Fault | None
    duration_ms: int
    next_at: float | None = None


def retry_at(delivery: Delivery, receipt: Receipt, now: float, chance: float) -> float | None:
    """Return when to retry (Unix seconds), None if that would be too late.

    Pauses double, from 5 s to an hour, each shortened by `chance` (0 to 1) by up to a half; the
    receiver's Retry-After is respected, up to an hour. The last attempt is made when the day is
    over.
    """
    end = delivery.event.created_at + TRIED_S
    if now >= end:
        return None
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(delivery.attempt - 1, 20))
    wanted_s = min(LONGEST_PAUSE_S, receipt.retry_after_s or 0.0)
    return min(end, now + max(wanted_s, pause_s * (1 - chance / 2)))
