"""Finds an account's responses: stored, waiting or running in the background, or just ended.

The last step of a job stores its response and ends the job at once. So a response that is neither
stored when the store is read, nor pending when the jobs are, may have ended between the two: the
store is read once more. Every look at a response takes these steps, in this order.
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
    """A response, and what its caller included in it."""

    response: Response
    include: frozenset[str]


class ResponseLookup:
    """Reads from `store`, else from `jobs`. A foreign id is an unknown id to both, and so is that
    of a response which is encrypted, without its key.

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
        """Return a page of what the model saw.

        Raises NotFound, and InvalidRequest as ResponseStore.input_items does.
        """
        stored, pending = self._store.input_items, self._pending_items
        return self._look(stored, pending, account, response_id, query, key)

    def context(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Context | Status:
        """Return what a turn that continues a response starts from, or the status of one that has
        not ended. Raises NotFound.
        """
        return self._look(self._store.context, self._jobs.status, account, response_id, key)

    def pending(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Response | None:
        """Return a response that waits or runs, with its output so far; None where it does not."""
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
        """Return what is stored, else what is pending, else what has been stored in between.

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
        # Its events have what its caller included, and nothing that could be left out.
        return None if response is None else FoundResponse(response, frozenset({INCLUDE_ENCRYPTED}))

    def _pending_items(
        self, account: str, response_id: str, query: PageQuery, key: ContentKey | None
    ) -> Page | None:
        if self._jobs.status(account, response_id, key) is None:
            return None
        payload = self._jobs.payload(response_id)
        return None if payload is None else page(OneTurn(self._items_of(payload)), query)

    def _items_of(self, payload: JobPayload) -> tuple[Item, ...]:
        """Return what the model sees of a job, or of a stream, which has no copy of its history."""
        thread, request = payload.thread, payload.request
        if thread.items or thread.position is None:
            return thread.items or thread.own
        context = None
        with suppress(NotFound):  # its parent may be deleted by now
            parent = request.previous_response_id or request.conversation or ""
            context = self._store.context(payload.account, parent, payload.key)
        return (*context.items, *thread.own) if context else thread.own
