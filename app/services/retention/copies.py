"""Removes copies and mentions of purged responses that are outside the response store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Protocol

from app.services.limits.request_log import RequestLog
from app.store.responses.archive_base import Purged


class CopyStore(Protocol):
    """Keeps copies of responses, each for one account. Raises StorageUnavailable."""

    def forget(self, account: str, response_ids: Sequence[str]) -> None:
        """Forget the copies of these responses."""
        ...


class DeliveryStore(Protocol):
    """Keeps deliveries that name responses. Raises StorageUnavailable."""

    def purge(self, response_ids: Collection[str]) -> None:
        """Forget the deliveries of these responses."""
        ...


class NameStore(Protocol):
    """Keeps the ids of purged responses that are still named elsewhere."""

    def log_erased(self, response_ids: set[str]) -> None:
        """Record that nothing names these any more. Raises StorageUnavailable."""
        ...


class Copies:
    """All of it: `stores` have copies; the request log and webhook deliveries name responses.

    `names` has the ids of those that are still named there, in case this process is killed.
    """

    def __init__(
        self, request_log: RequestLog, webhooks: DeliveryStore, names: NameStore, *stores: CopyStore
    ) -> None:
        self._request_log = request_log
        self._webhooks = webhooks
        self._names = names
        self._stores = stores

    def forget(self, purged: Sequence[Purged]) -> None:
        """Forget all copies of purged responses. Raises StorageUnavailable."""
        responses = sorted(
            (each.account, each.any_id) for each in purged if each.kind == "response"
        )
        for account, of_account in groupby(responses, key=lambda each: each[0]):
            ids = [response_id for _, response_id in of_account]
            for store in self._stores:
                store.forget(account, ids)

    def forget_names(self, response_ids: set[str]) -> None:
        """Forget where these are named, which takes a scan. Raises StorageUnavailable."""
        if response_ids:
            self._request_log.erase_responses(response_ids)
            self._webhooks.purge(response_ids)
            self._names.log_erased(response_ids)
