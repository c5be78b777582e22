"""Finds an account's responses: stored, queued or running in the background, or just ended.

A job's last step stores its response and ends the job atomically. So a response that is neither
stored when the store is read, nor pending when the jobs are read, may have ended in between: the
store is read once more. Every lookup takes these steps, in this order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, ParamSpec, TypeVar

from app.domain.accounts.content_key import ContentKey
from app.domain.items import Item
from app.domain.request import INCLUDE_ENCRYPTED
from app.domain.response import Response, Status
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context
from app.errors import NotFound
from app.services.background.progress import Progress
from app.store.jobs.base import JobStore
from app.store.responses.base import ResponseStore
from app.store.responses.paging import OneTurn, page

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")


class FoundResponse(NamedTuple):
    """A response, and the fields that its caller included."""

    response: Response
    include: frozenset[str]


class ResponseLookup:
    """Reads from `store`, else from `jobs`.

    To both, another account's id is unknown, and so is an encrypted response's without its key.
    Every method raises StorageUnavailable when the store is unreachable.
    """

    def __init__(self, store: ResponseStore, jobs: JobStore) -> None:
        self._store = store
        self._jobs = jobs
        self._progress = Progress(jobs)

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> FoundResponse:
        """Return a response, with its output so far while it runs. Raises NotFound."""
        return self._look(self._stored, self._pending, account, response_id, key)

    def input_items(
        self, account: str, response_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of the items that the model saw.

        Raises NotFound, and InvalidRequest as ResponseStore.input_items does.
        """
        stored, pending = self._store.input_items, self._pending_items
        return self._look(stored, pending, account, response_id, query, key)

    def context(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Context | Status:
        """Return the context for a turn that continues a response.

        If the response has not ended, its status is returned instead. Raises NotFound.
        """
        return self._look(self._store.context, self._jobs.status, account, response_id, key)

    def pending(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Response | None:
        """Return a queued or running response, with its output so far; None if it is neither."""
        if self._jobs.status(account, response_id, key) is None:
            self._progress.forget(response_id)
            return None
        response = self._progress.response(response_id, key)
        if response is not None:
            return response
        payload = self._jobs.payload(response_id)
        return None if payload is None else payload.response

    def _look(
        self,
        stored: Callable[P, T],
        pending: Callable[P, U | None],
        *args: P.args,
        **named: P.kwargs,
    ) -> T | U:
        """Return the stored value, else the pending one, else what was stored in between.

        Raises NotFound.
        """
        try:
            return stored(*args, **named)
        except NotFound:
            found = pending(*args, **named)
        return stored(*args, **named) if found is None else found

    def _stored(self, account: str, response_id: str, key: ContentKey | None) -> FoundResponse:
        turn = self._store.get(account, response_id, key)
        return FoundResponse(turn.response, turn.include)

    def _pending(
        self, account: str, response_id: str, key: ContentKey | None
    ) -> FoundResponse | None:
        response = self.pending(account, response_id, key)
        # Its events contain just what its caller included: nothing is left to filter.
        return None if response is None else FoundResponse(response, frozenset({INCLUDE_ENCRYPTED}))

    def _pending_items(
        self, account: str, response_id: str, query: PageQuery, key: ContentKey | None
    ) -> Page | None:
        if self._jobs.status(account, response_id, key) is None:
            return None
        payload = self._jobs.payload(response_id)
        return None if payload is None else page(OneTurn(self._items_of(payload)), query)

    def _items_of(self, payload: JobPayload) -> tuple[Item, ...]:
        """Return the items that the model sees; a stream's payload has no copy of its history."""
        thread, request = payload.thread, payload.request
        if thread.items or thread.position is None:
            return thread.items or thread.own
        context = None
        with suppress(NotFound):  # its parent may be deleted by now
            parent = request.previous_response_id or request.conversation or ""
            context = self._store.context(payload.account, parent, payload.key)
        return (*context.items, *thread.own) if context else thread.own
