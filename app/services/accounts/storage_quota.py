"""The storage quota of an account, checked before anything is looked up or paid for."""

from __future__ import annotations

from app.domain.accounts.accounts import Caller
from app.domain.request import CreateRequest
from app.errors import RateLimited
from app.store.responses.base import ResponseStore


class StorageQuotaExceeded(RateLimited):
    """The account has stored as much as it may; only deleting and purging makes room."""

    code = "storage_quota_exceeded"
    should_retry = False


def refuse_when_full(store: ResponseStore, caller: Caller, request: CreateRequest) -> None:
    """Raise if the request is to be stored and its account, or the store, has no room left.

    Requests in flight will be stored as well: an account may exceed its bound by these. Raises as
    `refuse_full_account` does.
    """
    if request.store:
        store.require_room()
    if request.store or request.conversation is not None:
        refuse_full_account(store, caller)


def refuse_full_account(store: ResponseStore, caller: Caller) -> None:
    """Raise if the account's quota is used up; the store is read only if there is a bound.

    Raises:
        StorageQuotaExceeded: no room is left.
        StorageUnavailable: the store is unreachable.
    """
    bound = caller.max_stored_bytes
    if bound is None:
        return
    stored = store.stored_bytes(caller.account)
    if stored >= bound:
        raise StorageQuotaExceeded(
            f"This account has {stored} bytes of responses stored and may have {bound}: ask with "
            "'store': false. Deleted responses count until the operator purges them."
        )
