"""Create, continue, read and delete responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from app.domain.accounts.accounts import Caller
from app.domain.estimates import Estimate, TokenCount
from app.domain.items import Item
from app.domain.prices import FREE, UNKNOWN_COST, Cost
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest
from app.domain.response import NO_USAGE, TERMINAL, Response
from app.domain.stream.events import Event
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.turns.compaction import CompactedConversation, is_of_user
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Turn
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, NotFound
from app.services.accounts.permissions import permitted, refuse_read_only, well_formed
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.run import Run, without_opaque, without_payload
from app.services.background.service import Background
from app.services.conversations.service import Conversations
from app.services.limits.meter import Meter, Observer
from app.services.responses.lookup import ResponseLookup
from app.services.responses.replays import StreamReplays
from app.services.upstreams.router import UpstreamAnswer
from app.store.responses.base import ResponseStore

NO_TOKENS = Estimate(0, 0)


@dataclass(frozen=True, slots=True)
class Started:
    """An answer that has begun: where it comes from, and what emits it.

    `items` are what its model saw.
    """

    run: Run
    response_id: str
    opened: UpstreamAnswer
    ignored: tuple[str, ...]
    items: tuple[Item, ...] = ()

    def compacted(self) -> CompactedConversation:
        """Emit nothing; return what is left of the conversation that was to be compacted (G6).

        Raises as Run.response does.
        """
        response = self.run.response()
        messages = filter(is_of_user, self.items)
        return CompactedConversation(
            response.id,
            response.created_at,
            (*messages, *response.output),
            response.usage or NO_USAGE,
        )


class Responses:
    """The service behind /v1/responses."""

    def __init__(
        self,
        store: ResponseStore,
        lookup: ResponseLookup,
        preparation: Preparation,
        background: Background,
        meter: Meter,
        conversations: Conversations,
        replays: StreamReplays,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self.replays = replays
        self._lookup = lookup
        self._preparation = preparation
        self._background = background
        self._meter = meter

    def start(
        self,
        caller: Caller,
        request: CreateRequest,
        call: UpstreamCall,
        observer: Observer,
        cuts: StreamCuts | None = None,
    ) -> Started:
        """Begin an answer: nothing is sent to the caller before the upstream has output.

        `cuts`, if it is given, notes where a stream is cut; of one that is stored, this is kept.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request cannot be served as it is.
            StorageUnavailable: it is to be stored, or continues what is, and the store is
                unreachable.
            RateLimited, Unavailable, UpstreamMisbehaved: a limit is reached, or the upstream and
                its fallbacks failed.
            CallerGone: the caller hung up before the upstream had output; stored as cancelled.
            GatewayError: the call was aborted before that, with this error; stored as failed.
        """
        prepared = self._preparation.prepare(caller, permitted(caller, request))
        call.response_id = prepared.response.id
        reservation = self._meter.reserve(prepared)
        observer.admitted(reservation.standing)

        def ended(response: Response, failure: GatewayError | None, cost: Cost) -> None:
            observer.ended(response, failure, cost)
            parameters = request.parameters
            self._meter.charge_answer(caller, response, failure, reservation, parameters, cost)

        try:
            opened = self._preparation.open(prepared, call)
        except CallerGone as gone:
            fault = call.fault or gone
            fault.work_done = fault is not gone and call.attempts > 0
            cost = UNKNOWN_COST if call.attempts else FREE
            ended(self._stopped_response(prepared, call.fault), fault, cost)
            raise fault from None
        except GatewayError:
            self._meter.charge_unanswered(prepared, reservation)
            raise

        def on_end(response: Response, failure: GatewayError | None) -> None:
            cost = self._meter.cost(opened, response.usage, response.service_tier)
            ended(response, failure, cost)

        run = self._run(prepared, opened, call, on_end, cuts)
        ignored = (*request.ignored, *opened.ignored)
        return Started(run, prepared.response.id, opened, ignored, prepared.thread.visible)

    def _run(
        self,
        prepared: PreparedRequest,
        opened: UpstreamAnswer,
        call: UpstreamCall,
        on_end: Callable[[Response, GatewayError | None], None],
        cuts: StreamCuts | None,
    ) -> Run:
        """Return the answer under way; a stream that is stored can be replayed."""
        if cuts is None and prepared.request.stream and prepared.request.store:
            cuts = self.replays.new_cuts()
        return self._preparation.run(
            prepared,
            opened,
            store=partial(self._save, prepared, cuts),
            on_end=on_end,
            abort_error=lambda: call.fault,
            cuts=cuts,
        )

    def _stopped_response(self, prepared: PreparedRequest, fault: GatewayError | None) -> Response:
        """Store the response of a call that was stopped before it had output, and return it."""
        narrator = self._preparation.narrator(prepared)
        ending = narrator.cancel() if fault is None else narrator.fail(fault)
        self._save(prepared, None, narrator.response, ending)
        return narrator.response

    def count_input(
        self, caller: Caller, request: CreateRequest, call: UpstreamCall, observer: Observer
    ) -> TokenCount:
        """Return how many tokens the request's input is; no model answers it (G9).

        It is one of the caller's requests to the limits, and none to the book of use.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request could not be served as it is.
            LimitReached: a limit of requests is reached.
            StorageUnavailable: it continues what is stored, and the store is unreachable.
            CallerGone: the caller hung up.
        """
        request = permitted(caller, replace(request, store=False, stream=False, background=False))
        with self._meter.limiter.reserve(caller, lambda: NO_TOKENS) as reservation:
            observer.admitted(reservation.standing)
            return self._preparation.count_input(caller, request, call)

    def _save(
        self,
        prepared: PreparedRequest,
        cuts: StreamCuts | None,
        response: Response,
        _ending: list[Event],
    ) -> None:
        request, start = prepared.request, prepared.thread
        if request.store:
            turn = Turn(
                prepared.caller.account,
                response,
                start.own,
                request.parameters.include,
                start.position,
                request.conversation,
                bytes(cuts) if cuts is not None else b"",
            )
            self._store.save(turn)
        elif request.conversation is not None and response.status in ("completed", "incomplete"):
            self._conversations.append_unkept(prepared.caller, start.own, response)

    def get(self, caller: Caller, response_id: str, include: frozenset[str]) -> Response:
        """Return a stored response as its POST showed it, and what `include` adds.

        Raises:
            InvalidRequest: the id is malformed.
            NotFound: it is unknown, deleted, another account's, or was never stored.
        """
        found = self._lookup.get(caller.account, well_formed(response_id))
        shows_opaque = INCLUDE_ENCRYPTED in found.include | include
        return found.response if shows_opaque else without_opaque(found.response)

    def wait(
        self, caller: Caller, response_id: str, seconds: float, gone: Callable[[], bool]
    ) -> None:
        """Return when a response has ended, after so many seconds, or when `gone` returns so.

        Raises as `get` does.
        """
        found = self._lookup.get(caller.account, well_formed(response_id))
        if found.response.status not in TERMINAL:
            self._background.wait(caller.account, response_id, seconds, gone)

    def delete(self, caller: Caller, response_id: str) -> None:
        """Hide a stored response; one that waits or runs is cancelled first (E2).

        Raises as `get` does, and PermissionDenied for a key that may only read.
        """
        refuse_read_only(caller)
        try:
            self._store.delete(caller.account, well_formed(response_id))
        except NotFound:
            self._background.cancel(caller, response_id)
            self._store.delete(caller.account, response_id)  # it may have ended without that

    def cancel(self, caller: Caller, response_id: str) -> Response:
        """Cancel a background response and return it; one that has ended stays as it is (E7).

        Raises as `get` does, and InvalidRequest for one that was not made in the background.
        """
        if not self._background.cancel(caller, response_id):
            self._background.refuse_foreground(caller, response_id)
        return self.get(caller, response_id, frozenset())

    def input_items(
        self, caller: Caller, response_id: str, query: PageQuery, include: frozenset[str]
    ) -> Page:
        """Return a page of what the model saw (E6), opaque reasoning only where `include` has it.

        Raises as `get` does.
        """
        page = self._lookup.input_items(caller.account, well_formed(response_id), query)
        if INCLUDE_ENCRYPTED in include:
            return page
        return Page(tuple(map(without_payload, page.items)), page.has_more)
