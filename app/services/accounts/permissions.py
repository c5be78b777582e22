"""Checks what a caller may request, before anything is looked up or paid for."""

from __future__ import annotations

from dataclasses import replace

from app.domain.accounts.accounts import Caller
from app.domain.ids import is_conversation_id, is_response_id
from app.domain.request import CreateRequest
from app.errors import InvalidRequest, PermissionDenied, StorageUnavailable


def well_formed(response_id: str) -> str:
    """Return the id.

    Raises:
        InvalidRequest: it is not well-formed (E9).
    """
    if not is_response_id(response_id):
        raise InvalidRequest(
            "A response's id is 'resp_' and up to 123 letters, digits, '_' or '-'.",
            param="response_id",
            code="invalid_response_id",
        )
    return response_id


def well_formed_conversation(conversation_id: str) -> str:
    """Return the id. Raises InvalidRequest if it is not well-formed (N11)."""
    if not is_conversation_id(conversation_id):
        raise InvalidRequest(
            "A conversation's id is 'conv_' and up to 123 letters, digits, '_' or '-'.",
            param="conversation_id",
            code="invalid_value",
        )
    return conversation_id


def permitted(caller: Caller, request: CreateRequest) -> CreateRequest:
    """Return the request as this caller may make it.

    Raises:
        PermissionDenied: the key is read-only, or may not make background responses.
        StorageUnavailable: the request is to be stored while the store is unreachable.
        InvalidRequest: it needs storage that its account does not allow.
    """
    if caller.read_only:
        refuse_read_only(caller)
    if request.background and not caller.background:
        raise PermissionDenied("This key may not ask for background responses.", param="background")
    if caller.force_no_store:
        request = _unstored(request)
    request = _kept_for(caller, request)
    if caller.stale and request.store:
        raise StorageUnavailable(
            "Responses cannot be stored at the moment: try again, or ask with 'store': false.",
            retry_after_s=1,
        )
    return request


def countable(caller: Caller, request: CreateRequest) -> CreateRequest:
    """Return the request in the form in which it is counted. Raises as `permitted` does."""
    request = replace(request, store=False, stream=False, background=False)
    permitted(caller, replace(request, conversation=None))  # counting adds nothing to it
    return request


def _unstored(request: CreateRequest) -> CreateRequest:
    """Return the request changed so that nothing of it is stored.

    Raises:
        InvalidRequest: it is in the background, or a turn of a conversation, which stores items.
    """
    if request.store and request.background:
        raise InvalidRequest(
            "Background responses are stored, which this account does not allow: "
            "ask without 'background'.",
            param="background",
            code="unsupported_value",
        )
    if request.conversation is not None:
        raise InvalidRequest(
            "A conversation stores its items, which this key or account does not allow: send the "
            "items with each request.",
            param="conversation",
            code="unsupported_value",
        )
    return replace(request, store=False)


def _kept_for(caller: Caller, request: CreateRequest) -> CreateRequest:
    """Return the request with the retention that applies: its own, or else its account's (C5).

    Raises:
        InvalidRequest: a background response, or a conversation's items, would be kept for 0 days.
    """
    days = caller.retention_days
    own_days = days if request.retention_days is None else request.retention_days
    if own_days == 0 and request.conversation is not None:
        raise InvalidRequest(
            "A conversation keeps its items, and nothing of this request is to be kept: its "
            "retention is 0 days. Send 'retention_days', or the items with each request.",
            param="conversation",
            code="unsupported_value",
        )
    if not request.store or request.retention_days is not None or days is None:
        return request
    if days > 0:
        return replace(request, retention_days=days)
    if request.background:
        raise InvalidRequest(
            "Background responses are stored, and this account's retention is 0 days: send "
            "'retention_days', or ask without 'background'.",
            param="background",
            code="unsupported_value",
        )
    return replace(request, store=False, retention_days=0)


def refuse_unstored(caller: Caller) -> None:
    """Raise PermissionDenied for a caller for whom nothing may be stored."""
    if caller.force_no_store:
        raise PermissionDenied(
            "Nothing may be stored for this key or account: send the items with each request."
        )


def refuse_read_only(caller: Caller) -> None:
    """Raise PermissionDenied for a key that may only read."""
    if caller.read_only:
        raise PermissionDenied("This key may only read: use one that may create and delete.")
