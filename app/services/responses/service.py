"""Create, continue, read and delete responses."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.accounts.accounts import Caller
from app.domain.estimates import TokenCount
from app.domain.prices import FREE, UNKNOWN_COST, Cost
from app.domain.request import CreateRequest
from app.domain.response import TERMINAL, Response
from app.domain.stream.events import Event
from app.domain.stream.replay.cuts import may_outlast
from app.domain.turns.page import Page, PageQuery
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, NotFound, ResponseCancelled
from app.services.accounts.permissions import countable, permitted, refuse_read_only, well_formed
from app.services.answering.plain_reasoning import visible_item, visible_response
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.run import Run
from app.services.answering.turn_memory import TurnMemory
from app.services.background.service import Background, not_cancellable
from app.services.conversations.service import Conversations
from app.services.limits.meter import Counted, Meter, Observer
from app.services.limits.reservation import Reservation
from app.services.live_streams.keeper import LiveStreams
from app.services.live_streams.terms import NO_TERMS, StreamTerms
from app.services.responses.following import Follower
from app.services.responses.lookup import ResponseLookup
from app.services.responses.replays import StreamReplays
from app.services.responses.saving import TurnSaver
from app.services.responses.started import Started
from app.services.responses.warm_up import NO_TOKENS, WarmUps
from app.services.upstreams.router import UpstreamAnswer, given_up
from app.store.responses.base import ResponseStore

#: Charges an ended answer at its cost; the last argument is what another process charges of it.
Charge = Callable[[Response, GatewayError | None, Cost, Counted | None], None]


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
        live_streams: LiveStreams,
    ) -> None:
        self._live_streams = live_streams
        self._store = store
        self._saver = TurnSaver(store, conversations)
        self.warm_ups = WarmUps(preparation, self._saver, meter)
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
        terms: StreamTerms = NO_TERMS,
        memory: TurnMemory | None = None,
    ) -> Started:
        """Begin an answer; nothing is sent to the caller before the upstream has output.

        `terms` say how a stream is kept; `memory` is the connection's, if it has one.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request cannot be served as it is.
            StorageUnavailable: it is to be stored, or continues a stored turn; Redis is away.
            RateLimited, Unavailable, UpstreamMisbehaved: a limit is reached, or the upstream and
                its fallbacks failed.
            CallerGone: the caller hung up before the upstream had output; stored as cancelled.
            GatewayError: the call was aborted before that, with this error; stored as failed. A
                cancelled stream raises nothing: it begins, and ends as cancelled.
        """
        prepared = self._preparation.prepare(caller, permitted(caller, request), memory=memory)
        call.response_id = prepared.response.id
        reservation = self._meter.reserve(prepared)
        observer.admitted(reservation.standing)

        charge = self._charging(caller, request, reservation, observer)
        try:
            opened = self._opened(prepared, call)
        except CallerGone as gone:
            fault = call.fault or gone
            fault.work_done = fault is not gone and call.attempts > 0
            cost = UNKNOWN_COST if call.may_cost else FREE
            charge(self._stopped_response(prepared, call.fault, memory), fault, cost, None)
            raise fault from None
        except GatewayError:
            lost = self._meter.lost(self._preparation.lost(prepared, call))
            if lost is not None:
                observer.lost(*lost)
            self._meter.charge_unanswered(prepared, reservation, lost)
            raise

        run = self._run(prepared, opened, call, charge, terms, memory)
        ignored = (*request.ignored, *opened.ignored)
        return Started(run, prepared.response.id, opened, ignored, prepared.thread.visible)

    def _opened(self, prepared: PreparedRequest, call: UpstreamCall) -> UpstreamAnswer:
        """Open the upstream; if a stream is cancelled meanwhile, its answer ends at once."""
        try:
            return self._preparation.open(prepared, call)
        except CallerGone as gone:
            if not (prepared.request.stream and isinstance(call.fault, ResponseCancelled)):
                raise
            target = prepared.targets[0]
            provider = call.provider or target.provider.name
            return UpstreamAnswer(target, provider, (), call.attempts, 0.0, given_up(gone))

    def _charging(
        self,
        caller: Caller,
        request: CreateRequest,
        reservation: Reservation,
        observer: Observer,
    ) -> Charge:
        """Return the function that charges an answer and notifies its observer of the end."""

        def ended(
            response: Response,
            failure: GatewayError | None,
            cost: Cost,
            charged: Counted | None,
        ) -> None:
            observer.ended(response, failure, cost)
            parameters, meter = request.parameters, self._meter
            meter.charge_answer(
                caller, response, failure, reservation, parameters, cost, charged=charged
            )

        return ended

    def _run(
        self,
        prepared: PreparedRequest,
        opened: UpstreamAnswer,
        call: UpstreamCall,
        charge: Charge,
        terms: StreamTerms,
        memory: TurnMemory | None,
    ) -> Run:
        """Return the running answer; a stream that is stored can be followed, and replayed."""
        cuts, stream, is_stored = terms.cuts, None, False
        if prepared.request.stream and prepared.request.store:
            cuts = cuts or self.replays.new_cuts()
            stream = self._live_streams.begin(prepared, call, cuts, terms)

        def store(response: Response, _ending: list[Event]) -> None:
            nonlocal is_stored
            if stream is not None:
                stream.close()
            self._saver.save(prepared, cuts, response, memory)
            is_stored = True

        def ended(response: Response, failure: GatewayError | None) -> None:
            charged = None
            if stream is not None and self._live_streams.end(
                stream, response.status, is_stored=is_stored
            ):
                charged = stream.written  # whoever ends it charges what is written of it
            cost = self._meter.cost(opened, response.usage, response.service_tier)
            charge(response, failure, cost, charged)

        run = self._preparation.run(
            prepared,
            opened,
            store=store,
            on_end=ended,
            abort_error=lambda: call.fault,
            cuts=cuts,
        )
        if stream is not None:
            tier = prepared.response.service_tier
            stream.usage = lambda: run.usage
            stream.cost = lambda usage: self._meter.cost(opened, usage, tier)
        return run

    def _stopped_response(
        self, prepared: PreparedRequest, fault: GatewayError | None, memory: TurnMemory | None
    ) -> Response:
        """Store the response of a call that was stopped before it had output, and return it."""
        narrator = self._preparation.narrator(prepared)
        if fault is None or isinstance(fault, ResponseCancelled):
            narrator.cancel()
        else:
            narrator.fail(fault)
        self._saver.save(prepared, None, narrator.response, memory)
        return narrator.response

    def count_input(
        self, caller: Caller, request: CreateRequest, call: UpstreamCall, observer: Observer
    ) -> TokenCount:
        """Return the number of tokens in a request's input; no model answers it (G9).

        The request counts for the caller's limits, but not in the usage book.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request could not be served as it is.
            LimitReached: a limit of requests is reached.
            StorageUnavailable: it continues a stored turn, and the store is unreachable.
            CallerGone: the caller hung up.
        """
        request = countable(caller, request)
        with self._meter.limiter.reserve(caller, lambda: NO_TOKENS) as reservation:
            observer.admitted(reservation.standing)
            return self._preparation.count_input(caller, request, call)

    def get(self, caller: Caller, response_id: str, include: frozenset[str]) -> Response:
        """Return a stored response as its POST showed it, plus what `include` adds.

        Raises:
            InvalidRequest: the id is malformed.
            NotFound: it is unknown, deleted, another account's, or was never stored.
        """
        found = self._lookup.get(caller.account, well_formed(response_id), caller.content_key)
        return visible_response(found.response, found.include | include)

    def wait(
        self, caller: Caller, response_id: str, seconds: float, gone: Callable[[], bool]
    ) -> None:
        """Return when a response has ended, after `seconds`, or once `gone` returns true.

        Raises as `get` does.
        """
        if self.get(caller, response_id, frozenset()).status not in TERMINAL:
            self._background.wait(caller, response_id, seconds, gone)

    def follow(
        self, caller: Caller, response_id: str, starting_after: int, silence_s: float
    ) -> Follower:
        """Return a response's events after `starting_after`, past and future (E5, C7).

        Raises as `get` does, and InvalidRequest for a response that was not streamed.
        """
        subscriber = self._background.follow(caller, response_id, starting_after, silence_s)
        return Follower(caller, response_id, starting_after, self.replays, subscriber)

    def delete(self, caller: Caller, response_id: str) -> None:
        """Hide a stored response; if it is queued or running, cancel it first (E2).

        Raises as `get` does, and PermissionDenied for a key that may only read.
        """
        refuse_read_only(caller)
        owner = (caller.account, well_formed(response_id), caller.content_key)
        try:
            self._store.delete(*owner)
        except NotFound:
            self._background.cancel(caller, response_id, any_kind=True)
            self._store.delete(*owner)  # it may have ended by itself meanwhile

    def cancel(self, caller: Caller, response_id: str) -> Response:
        """Cancel a response that can run without its caller; return it, unchanged if it has ended.

        These are background responses, and streams that may outlast their callers (E7). Raises as
        `get` does, and InvalidRequest for any other.
        """
        cancelled = self._background.cancel(caller, response_id)
        if not cancelled and not self._background.was_in_background(caller, response_id):
            cuts = self._store.stream_cuts(caller.account, response_id, caller.content_key)
            if not may_outlast(cuts):
                raise not_cancellable()
        return self.get(caller, response_id, frozenset())

    def input_items(
        self, caller: Caller, response_id: str, query: PageQuery, include: frozenset[str]
    ) -> Page:
        """Return a page of what the model saw (E6); opaque reasoning only if `include` names it.

        Raises as `get` does.
        """
        known, key = well_formed(response_id), caller.content_key
        page = self._lookup.input_items(caller.account, known, query, key)
        return Page(tuple(map(visible_item(include), page.items)), page.has_more)
