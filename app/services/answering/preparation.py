"""Prepares requests and opens answers: shared by whole, streamed and background responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import starmap
from typing import Any

from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import end_user
from app.domain.accounts.content_key import ContentKey
from app.domain.call_ids import used_call_ids
from app.domain.estimates import TokenCount, estimate
from app.domain.ids import IdGenerator
from app.domain.items import Compaction, Item
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest, ModelRequest
from app.domain.response import Response, Status, Usage
from app.domain.stream.call_names import CallNames
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.turns.compaction import Summary
from app.domain.turns.turn import Context, Thread
from app.domain.upstream_call import UpstreamCall
from app.errors import ContextLengthExceeded, GatewayError, ReasoningRefused
from app.services.accounts.storage_quota import refuse_when_full
from app.services.answering.compactor import Compactor, opened_summary, readers
from app.services.answering.history import thread_for
from app.services.answering.plain_reasoning import marked
from app.services.answering.prepared.model_requests import ModelRequests
from app.services.answering.prepared.passing import needs_passing, passing
from app.services.answering.prepared.reducible_input import ReducibleInput
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.prepared.sampling import refuse_sampling
from app.services.answering.prepared.tool_searches import with_searches
from app.services.answering.run import Run
from app.services.answering.sealing import PayloadSealer
from app.services.answering.turn_memory import TurnMemory
from app.services.answering.unseen_items import in_thread, refuse_empty, refuse_undeclared
from app.services.upstreams.catalog import ModelCatalog, Target
from app.services.upstreams.retry_rounds import FIRST_PAUSE_S
from app.services.upstreams.router import EndedCall, Router, UpstreamAnswer, served_tier
from app.store.responses.base import ResponseStore
from app.telemetry import log


class Preparation:
    """Prepares requests, opens upstreams for them and starts their answers.

    `now` returns Unix seconds, `context_of` the context of an account's response or conversation,
    given its content key, `echo` what responses show of a request; `remembers`: see ModelRequests.
    """

    def __init__(
        self,
        store: ResponseStore,
        catalog: ModelCatalog,
        router: Router,
        sealer: PayloadSealer,
        ids: IdGenerator,
        now: Callable[[], int],
        context_of: Callable[[str, str, ContentKey | None], Context | Status],
        echo: Callable[[CreateRequest], Mapping[str, Any]],
        remembers: bool = True,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._router = router
        self._sealer = sealer
        self._requests = ModelRequests(sealer, remembers=remembers)
        self._compactor = Compactor(sealer)
        self._ids = ids
        self._now = now
        self._context_of = context_of
        self._echo = echo

    def prepare(
        self,
        caller: Caller,
        request: CreateRequest,
        status: Status = "in_progress",
        memory: TurnMemory | None = None,
        *,
        needs_items: bool = True,
    ) -> PreparedRequest:
        """Return the request with its history and its response, before any event is emitted.

        `memory` holds the connection's last responses; `needs_items`: a model is to answer.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it cannot be served as it is.
            RateLimited: it is to be stored, and the account's storage quota is used up.
            StorageUnavailable: it continues a stored turn, and the store is unreachable.
        """
        targets = self.targets(caller, request)
        refuse_when_full(self._store, caller, request)
        start = self._thread(caller, request, memory)
        if needs_items:
            refuse_empty(start)
        targets = readers(targets, request, start)
        refuse_undeclared(request, start)
        response = Response(
            start.response_id,
            request.model,  # as the caller calls it, whichever model answers (R20)
            self._now(),
            self._echo(request),
            status,
            service_tier=request.parameters.service_tier or "auto",
        )
        user_hash = self._user_hash(caller.account, request)
        return PreparedRequest.of(caller, request, targets, start, response, user_hash)

    def _user_hash(self, account: str, request: CreateRequest) -> str:
        """Return the hash by which a purge finds the end user's turns, or "" without a user."""
        user = end_user(request.parameters)
        return self._sealer.user_hash(account, user) if user and request.store else ""

    def _thread(
        self, caller: Caller, request: CreateRequest, memory: TurnMemory | None = None
    ) -> Thread:
        """Return the thread that the request's turn starts from. Raises as `prepare` does."""
        account, key = caller.account, caller.content_key

        def context_of(account: str, any_id: str) -> Context | Status:
            if memory is None:
                return self._context_of(account, any_id, key)
            return memory.parent(any_id) or memory.note(self._context_of(account, any_id, key))

        def summary_of(compaction: Compaction) -> Summary | None:
            return opened_summary(self._sealer, account, request, compaction)

        return thread_for(self._store, self._ids, account, request, context_of, summary_of, key)

    def targets(self, caller: Caller, request: CreateRequest) -> tuple[Target, ...]:
        """Return the targets that may answer the request, best first. Raises as `prepare` does."""
        targets = self._catalog.resolve(request.model, caller)
        refuse_sampling(targets[0], request.parameters)
        return passing(targets, request) if needs_passing(request) else targets

    def ignored(self, prepared: PreparedRequest, target: Target | None = None) -> tuple[str, ...]:
        """Name the parameters that a target's provider will not honour; by default the first."""
        target = target or prepared.targets[0]
        request = self._requests.answer(prepared, prepared.thread.visible, target)
        return target.provider.ignored(request)

    def lost(self, prepared: PreparedRequest, call: UpstreamCall) -> tuple[EndedCall, ...]:
        """Return the calls whose output failures have discarded: all of them are paid for."""
        targets = {(each.provider.name, each.upstream_model): each for each in prepared.targets}

        def ended(place: tuple[str, str], usage: Usage) -> EndedCall:
            target = targets[place]
            ignored = self.ignored(prepared, target)
            tier = served_tier(ignored, prepared.response.service_tier)
            return EndedCall(target, usage, tier)

        return tuple(starmap(ended, call.lost))

    def count_input(self, caller: Caller, request: CreateRequest, call: UpstreamCall) -> TokenCount:
        """Return how many tokens the model would read, including history and tools (G9).

        The first-choice provider counts them. If it has no counter, or the request names no model,
        the number is an estimate.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it could not be served as it is.
            StorageUnavailable: it continues a stored turn, and the store is unreachable.
            CallerGone: the call was cancelled.
        """
        if not request.model:
            start = self._thread(caller, request)
            items, parameters = start.visible, in_thread(request.parameters, start)
        else:
            prepared = self.prepare(caller, request, needs_items=False)
            items, target = prepared.thread.visible, prepared.targets[0]
            parameters = prepared.parameters
            call.provider = target.provider.name
            counting = self._requests.answer(prepared, items, target)
            call.key = counting.key
            counted = target.provider.count_input(counting, call)
            if counted is not None:
                return TokenCount(counted)
        guess = estimate(parameters, items, None)
        return TokenCount(guess.input_tokens, is_estimate=True)

    def open(
        self,
        prepared: PreparedRequest,
        call: UpstreamCall,
        until: float | None = None,
        pause_s: float = FIRST_PAUSE_S,
    ) -> UpstreamAnswer:
        """Open an upstream, leaving out what it refuses: the oldest turns (S8), reasoning (U11).

        With `until`, a time of time.monotonic, failed attempts are repeated until then, as in
        Router.open_in_time. Where a compaction is requested or due, the upstream is opened for a
        summary first (G6-G8).

        Raises:
            GatewayError: as Router.open does.
            Parked: as Router.open_in_time does.
        """
        items, request = prepared.thread.visible, prepared.request
        if request.compaction is None and not self._compactor.is_due(prepared):
            return self._opened(prepared, items, self._requests.answer, call, until, pause_s)
        deadline, first = call.deadline, prepared.targets[0]
        opened = self._opened(prepared, items, self._requests.summary, call, until, pause_s)
        if request.compaction is not None:
            return self._compactor.alone(prepared, opened, call.silence_s)

        def answer(items: tuple[Item, ...]) -> UpstreamAnswer:
            call.deadline = deadline  # the summary has had its own time
            call.lost.clear()  # a fallback has written it
            return self._opened(prepared, items, self._requests.answer, call)

        lost = partial(self.lost, prepared, call)
        joined = self._compactor.before(prepared, opened, call.silence_s, answer, lost)
        joined.ignored = self.ignored(prepared, first)
        return joined

    def _opened(
        self,
        prepared: PreparedRequest,
        items: tuple[Item, ...],
        made_for: Callable[[PreparedRequest, tuple[Item, ...], Target], ModelRequest],
        call: UpstreamCall,
        until: float | None = None,
        pause_s: float = FIRST_PAUSE_S,
    ) -> UpstreamAnswer:
        """Open an upstream for these items; `made_for` builds the request to each target."""
        sent = ReducibleInput(items, may_truncate=prepared.request.truncation == "auto")
        while True:
            request_for = partial(made_for, prepared, sent.items)
            try:
                if until is not None:
                    return self._router.open_in_time(
                        prepared.targets, request_for, call, until, pause_s
                    )
                return self._router.open(prepared.targets, request_for, call)
            except (ContextLengthExceeded, ReasoningRefused) as error:
                if not sent.reduce(error):
                    raise
                log.info("input_reduced", provider=call.provider, error_code=error.code)

    def narrator(self, prepared: PreparedRequest) -> Narrator:
        """Return the narrator that turns the upstream's deltas into events."""
        response = prepared.response
        return Narrator(
            response,
            self._ids.item_minter(response.id),
            self._now,
            CallNames.of(
                used_call_ids(prepared.request, prepared.thread.items),
                prepared.parameters.tools,
                prepared.thread.items,
                prepared.deferred,
            ),
        )

    def run(
        self,
        prepared: PreparedRequest,
        opened: UpstreamAnswer,
        *,
        store: Callable[[Response, list[Event]], None],
        on_end: Callable[[Response, GatewayError | None], None],
        abort_error: Callable[[], GatewayError | None] = lambda: None,
        cuts: StreamCuts | None = None,
        begun: Narrator | None = None,
    ) -> Run:
        """Return the run of the answer; see Run for the callbacks.

        `begun` is its narrator, if that has already written the opening events.
        """
        account = prepared.caller.account

        def seal(payload: str) -> str:
            return self._sealer.seal(account, opened.target.origin, payload)

        def seal_mark(payload: str) -> str:
            return self._sealer.seal(account, opened.provider, payload)

        def store_marked(response: Response, events: list[Event]) -> None:
            store(marked(response, opened.target.upstream_model, seal_mark), events)

        return Run(
            begun or self.narrator(prepared),
            with_searches(prepared, opened.batches, self._echo),
            store=store_marked,
            on_end=on_end,
            abort_error=abort_error,
            seal=seal,
            shows_opaque=INCLUDE_ENCRYPTED in prepared.request.parameters.include,
            cuts=cuts,
            has_begun=begun is not None,
            served_tier=lambda: served_tier(opened.ignored, prepared.response.service_tier),
        )
