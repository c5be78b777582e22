"""Webhook endpoints, as their accounts and operators use them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from app.domain.accounts.accounts import Caller
from app.domain.webhooks.deliveries import FAULTS, AttemptEntry, Delivery, Receipt
from app.domain.webhooks.endpoints import (
    MOST_ENDPOINTS,
    OVERLAP_S,
    EndpointPage,
    SecretEndpoint,
    WebhookEndpoint,
    WebhookEvent,
)
from app.errors import InvalidRequest, NotFound, RateLimited, StorageUnavailable, Unavailable
from app.services.accounts.permissions import refuse_read_only
from app.services.accounts.recent_uses import RecentUses
from app.services.webhooks.courier import Courier
from app.services.webhooks.dispatcher import entry_of
from app.services.webhooks.signing import WebhookSigner
from app.services.webhooks.urls import checked_url
from app.settings import WebhookSettings
from app.store.webhooks.base import WebhookStore
from app.telemetry import STORE_FAILURES

_ATTEMPTS = 10
_ID = re.compile(r"whe_[0-9a-f]{36}")
#: Maximum number of sample events of an account that a process sends, and within how many seconds.
MOST_TESTS, TESTS_WITHIN_S = 10, 60.0


class WebhookEndpoints:
    """The service of webhook endpoints. `entropy` returns as many random bytes as requested.

    `reserve` admits a request by its caller's limits, or raises LimitReached; its block ends it.

    Every method raises NotFound for an endpoint that the caller's account does not have,
    PermissionDenied if a key that may only read would change something, and StorageUnavailable.
    """

    def __init__(
        self,
        store: WebhookStore,
        signer: WebhookSigner,
        courier: Courier,
        settings: WebhookSettings,
        *,
        now: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes],
        reserve: Callable[[Caller], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._store = store
        self._signer = signer
        self._courier = courier
        self._settings = settings
        self._now = now
        self._entropy = entropy
        self._reserve = reserve
        self._tests = RecentUses(MOST_TESTS, TESTS_WITHIN_S, now)

    def create(
        self, caller: Caller, name: str, url: str, event_types: tuple[str, ...]
    ) -> SecretEndpoint:
        """Create an endpoint. Raises InvalidRequest for a bad URL, or if there are too many."""
        refuse_read_only(caller)
        url = self._checked(url)
        now, secret = self._now(), self._signer.new_secret()
        # The id begins with the time in ms, so that ids sort by creation.
        endpoint_id = f"whe_{int(now * 1000):012x}{self._entropy(12).hex()}"
        endpoint = WebhookEndpoint(
            id=endpoint_id,
            account=caller.account,
            name=name,
            url=url,
            event_types=event_types,
            created_at=int(now),
            updated_at=int(now),
            signing_secret_hint=self._signer.hint(secret),
            sealed_secret=self._signer.seal(endpoint_id, secret),
        )
        if not self._store.add(endpoint, MOST_ENDPOINTS):
            raise InvalidRequest(
                f"The account has {MOST_ENDPOINTS} webhook endpoints, and may have no more: delete "
                "one first."
            )
        return SecretEndpoint(endpoint, secret)

    def get(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        """Return an endpoint."""
        found = self._store.endpoint(caller.account, endpoint_id)
        if found is None:
            raise _unknown(endpoint_id)
        return found

    def page(self, caller: Caller, limit: int, after: str | None) -> EndpointPage:
        """Return a page of the account's endpoints, newest first, after the one with that id.

        It may have been deleted since: whoever deletes what a page lists reads on all the same.

        Raises:
            InvalidRequest: `after` is no id of an endpoint.
        """
        if after is not None and not _ID.fullmatch(after):
            raise InvalidRequest(
                "'after' must be the id of a webhook endpoint, the last of the page before.",
                param="after",
                code="invalid_value",
            )
        found = self._store.endpoints(caller.account)
        left = [each for each in found if after is None or each.id < after]
        return EndpointPage(tuple(left[:limit]), len(left) > limit)

    def update(
        self,
        caller: Caller,
        endpoint_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: tuple[str, ...] | None = None,
    ) -> WebhookEndpoint:
        """Change the fields that are given. Raises InvalidRequest for a bad URL."""
        given = {"name": name, "url": url, "event_types": event_types}
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        refuse_read_only(caller)
        if url is not None:
            self._checked(url)
        return self._change(caller, endpoint_id, lambda before: replace(before, **changes))

    def delete(self, caller: Caller, endpoint_id: str) -> None:
        """Remove an endpoint; pending deliveries to it are dropped."""
        refuse_read_only(caller)
        if not self._store.remove(caller.account, endpoint_id):
            raise _unknown(endpoint_id)

    def rotate_secret(
        self, caller: Caller, endpoint_id: str, *, keep_old: bool = False
    ) -> SecretEndpoint:
        """Give an endpoint a new secret; with `keep_old`, both sign for 24 hours.

        A secret that an earlier rotation kept is dropped.
        """
        refuse_read_only(caller)
        secret, ends_at = self._signer.new_secret(), int(self._now()) + OVERLAP_S
        changes: dict[str, Any] = {
            "signing_secret_hint": self._signer.hint(secret),
            "sealed_secret": self._signer.seal(endpoint_id, secret),
            "old_secret_ends_at": ends_at if keep_old else None,
        }
        return SecretEndpoint(
            self._change(
                caller,
                endpoint_id,
                lambda before: replace(
                    before,
                    old_sealed_secret=before.sealed_secret if keep_old else None,
                    **changes,
                ),
            ),
            secret,
        )

    def test(self, caller: Caller, endpoint_id: str, event_type: str) -> int:
        """Send a sample event once, now; return the status that the endpoint answers with.

        It counts for the caller's limits, and as one of the few tests allowed per minute.

        Raises:
            InvalidRequest: the endpoint does not answer.
            LimitReached, RateLimited: it is one too many.
        """
        refuse_read_only(caller)
        endpoint = self.get(caller, endpoint_id)
        sample = self._entropy(24).hex()
        event = WebhookEvent(f"evt_{sample[:32]}", event_type, int(self._now()), f"resp_{sample}")
        with self._reserve(caller):
            self._count_test(caller)
            receipt = self._courier.take(endpoint, event)
        entry = entry_of(Delivery(endpoint, event, 0), receipt, self._now(), None)
        self._store.log(endpoint, entry)
        return _status_of(receipt)

    def _count_test(self, caller: Caller) -> None:
        wait_s = self._tests.count(caller.account)
        if wait_s:
            raise RateLimited(
                f"This account has sent {MOST_TESTS} sample events within a minute: wait a little.",
                retry_after_s=wait_s,
            )

    def caller_for(self, endpoint_id: str) -> Caller:
        """Return a caller, for an operator, with all rights of its account over an endpoint.

        Raises NotFound.
        """
        account = self._store.owner(endpoint_id)
        if account is None:
            raise _unknown(endpoint_id)
        return Caller(account=account, key_id="operator")

    def deliveries(self, endpoint_id: str) -> list[AttemptEntry]:
        """Return the delivery log of any account's endpoint, newest first. Raises NotFound."""
        self.caller_for(endpoint_id)
        return self._store.entries(endpoint_id)

    def figures(self) -> dict[str, float]:
        """Return how many events are on their way, by its name in telemetry's FIGURES.

        Empty while the store is unreachable.
        """
        try:
            return {"gateway_webhooks_waiting": self._store.waiting_in_all()}
        except StorageUnavailable:
            STORE_FAILURES.labels("webhooks").inc()
            return {}

    def waiting(self, endpoint_id: str) -> int:
        """Return how many events are on their way to an endpoint."""
        return self._store.waiting(endpoint_id)

    def _checked(self, url: str) -> str:
        return checked_url(url, allow_private=self._settings.allow_private_addresses)

    def _change(
        self,
        caller: Caller,
        endpoint_id: str,
        change: Callable[[WebhookEndpoint], WebhookEndpoint],
    ) -> WebhookEndpoint:
        """Apply a change; one that changes nothing does not count as an update."""
        for _ in range(_ATTEMPTS):
            before = self.get(caller, endpoint_id)
            after = change(before)
            if after == before:
                return before
            after = replace(after, updated_at=int(self._now()))
            if self._store.replace(before, after):
                return after
        raise Unavailable(f"Others keep changing {endpoint_id!r}; try again.")


def _unknown(endpoint_id: str) -> NotFound:
    return NotFound(
        f"Webhook endpoint {endpoint_id[:64]!r} not found.",
        param="webhook_endpoint_id",
        code="webhook_endpoint_not_found",
    )


def _status_of(receipt: Receipt) -> int:
    if receipt.fault is not None or receipt.status is None:
        what = FAULTS[receipt.fault or "no_answer"]
        raise InvalidRequest(f"The endpoint {what}.", param="url", code="invalid_value")
    return receipt.status
