"""Create, continue, read and delete responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from app.domain.accounts import Caller
from app.domain.events import Event
from app.domain.ids import is_response_id
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest
from app.domain.response import Response
from app.errors import (
    CallerGone,
    GatewayError,
    InvalidRequest,
    PermissionDenied,
    StorageUnavailable,
)
from app.providers.base import UpstreamCall
from app.services.answering import Answering, Prepared
from app.services.routing import Opened
from app.services.run import Run, without_opaque
from app.store.base import Page, ResponseStore, Turn


@dataclass(frozen=True, slots=True)
class Started:
    """An answer that has begun: how it came to be, and what tells it."""

    run: Run
    response_id: str
    opened: Opened
    ignored: tuple[str, ...]


class Responses:
    """The service behind /v1/responses."""

    def __init__(self, store: ResponseStore, answering: Answering) -> None:
        self._store = store
        self._answering = answering

    def start(
        self,
        caller: Caller,
        request: CreateRequest,
        call: UpstreamCall,
        ended: Callable[[Response, GatewayError | None], None],
    ) -> Started:
        """Begin an answer: nothing is promised to the caller before the upstream speaks.

        `ended` hears how it ended, on every path on which an answer had begun.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request cannot be served as it is.
            StorageUnavailable: it is to be stored, or continues what is, and the store is away.
            RateLimited, Unavailable, UpstreamMisbehaved: the upstream, and its fallbacks, failed.
            CallerGone: the caller hung up before the upstream spoke; kept as cancelled.
        """
        prepared = self._answering.prepare(caller, permitted(caller, request))

        def keep(response: Response, _ending: list[Event]) -> None:
            self._keep(prepared, response)

        try:
            opened = self._answering.open(prepared, call)
        except CallerGone as gone:
            narrator = self._answering.narrator(prepared)
            narrator.cancel()
            self._keep(prepared, narrator.response)
            ended(narrator.response, gone)
            raise
        run = self._answering.run(prepared, opened, keep=keep, ended=ended)
        ignored = (*request.ignored, *opened.ignored)
        return Started(run, prepared.response.id, opened, ignored)

    def _keep(self, prepared: Prepared, response: Response) -> None:
        request, start = prepared.request, prepared.thread
        if request.store:
            include = request.parameters.include
            account = prepared.caller.account
            self._store.save(Turn(account, response, start.own, include, start.place))

    def get(self, caller: Caller, response_id: str, include: frozenset[str]) -> Response:
        """Return a stored response as its POST showed it, and what `include` adds.

        Raises:
            InvalidRequest: the id is malformed.
            NotFound: it is unknown, deleted, another account's, or was never stored.
        """
        turn = self._store.get(caller.account, well_formed(response_id))
        if INCLUDE_ENCRYPTED in turn.include | include:
            return turn.response
        return without_opaque(turn.response)

    def delete(self, caller: Caller, response_id: str) -> None:
        """Hide a stored response. Raises as `get` does."""
        refuse_read_only(caller)
        self._store.delete(caller.account, well_formed(response_id))

    def input_items(
        self,
        caller: Caller,
        response_id: str,
        *,
        order: Literal["asc", "desc"],
        limit: int,
        after: str | None,
        before: str | None,
    ) -> Page:
        """Return a page of what the model saw (E6). Raises as `get` does."""
        return self._store.input_items(
            caller.account,
            well_formed(response_id),
            order=order,
            limit=limit,
            after=after,
            before=before,
        )


def well_formed(response_id: str, param: str = "response_id") -> str:
    """Return the id.

    Raises:
        InvalidRequest: it is not well-formed (E9).
    """
    if not is_response_id(response_id):
        raise InvalidRequest(
            f"'{param}' must be the id of a response: 'resp_' and up to 123 letters, digits, "
            "'_' or '-'.",
            param=param,
            code="invalid_response_id",
        )
    return response_id


def permitted(caller: Caller, request: CreateRequest) -> CreateRequest:
    """Return the request as this caller may make it.

    Raises:
        PermissionDenied: the key is read-only, or not for background responses.
        StorageUnavailable: the request is to be stored while the store is away.
        InvalidRequest: it needs storage that its account does not allow.
    """
    refuse_read_only(caller)
    if request.background and not caller.background:
        raise PermissionDenied("This key may not ask for background responses.")
    if caller.force_no_store and request.store:
        if request.background:
            raise InvalidRequest(
                "Background responses are stored, which this account does not allow: "
                "ask without 'background'.",
                param="background",
            )
        request = replace(request, store=False)
    if caller.stale and request.store:
        raise StorageUnavailable(
            "Responses cannot be stored at the moment: try again, or ask with 'store': false."
        )
    return request


def refuse_read_only(caller: Caller) -> None:
    """Raise PermissionDenied for a key that may only read."""
    if caller.read_only:
        raise PermissionDenied("This key may only read: use one that may create and delete.")
