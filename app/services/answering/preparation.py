"""From a request to an answer under way: what whole, streamed and background responses share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.domain.accounts.accounts import Caller
from app.domain.call_ids import used_call_ids
from app.domain.estimates import TokenCount, estimate
from app.domain.ids import IdGenerator
from app.domain.items import Item, Reasoning
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest, ModelRequest, Parameters
from app.domain.response import Response, Status
from app.domain.stream.call_names import CallNames
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.turns.turn import Context, Thread
from app.domain.upstream_call import UpstreamCall
from app.errors import ContextLengthExceeded, GatewayError, InvalidRequest
from app.services.accounts.storage_quota import refuse_when_full
from app.services.answering.history import refuse_undeclared, thread_for, without_oldest
from app.services.answering.plain_reasoning import marked, opened_for
from app.services.answering.run import Run
from app.services.answering.sealing import PayloadSealer
from app.services.answering.tool_forms import for_provider
from app.services.answering.unseen_items import in_thread
from app.services.upstreams.catalog import ModelCatalog, Target
from app.services.upstreams.retry_rounds import FIRST_PAUSE_S
from app.services.upstreams.router import Router, UpstreamAnswer
from app.store.responses.base import ResponseStore

MAX_TRUNCATIONS = 4


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that can be answered: what the model shall see, and the response as it begins."""

    caller: Caller
    request: CreateRequest
    targets: tuple[Target, ...]
    thread: Thread
    response: Response

    @property
    def parameters(self) -> Parameters:
        """The request's parameters, as items of the thread have changed them (G3)."""
        return in_thread(self.request.parameters, self.thread)


class Preparation:
    """Prepares requests, opens upstreams for them and begins their answers.

    `now` returns Unix seconds. `context_of` returns what an account's response, or conversation,
    leaves to the next (services/conversations). `echo` returns a request's parameters as its
    responses show them.
    """

    def __init__(
        self,
        store: ResponseStore,
        catalog: ModelCatalog,
        router: Router,
        sealer: PayloadSealer,
        ids: IdGenerator,
        now: Callable[[], int],
        context_of: Callable[[str, str], Context | Status],
        echo: Callable[[CreateRequest], Mapping[str, Any]],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._router = router
        self._sealer = sealer
        self._ids = ids
        self._now = now
        self._context_of = context_of
        self._echo = echo

    def prepare(
        self, caller: Caller, request: CreateRequest, status: Status = "in_progress"
    ) -> PreparedRequest:
        """Return the request with its history and its response, of which no event was emitted yet.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it cannot be served as it is.
            RateLimited: it is to be stored, and its account has no room left.
            StorageUnavailable: it continues what is stored, and the store is unreachable.
        """
        targets = self.targets(caller, request)
        refuse_when_full(self._store, caller, request)
        start = thread_for(self._store, self._ids, caller.account, request, self._context_of)
        refuse_undeclared(request, start)
        response = Response(
            start.response_id,
            request.model,  # as the caller calls it, whichever model answers (R20)
            self._now(),
            self._echo(request),
            status,
            service_tier=request.parameters.service_tier or "auto",
        )
        return PreparedRequest(caller, request, targets, start, response)

    def targets(self, caller: Caller, request: CreateRequest) -> tuple[Target, ...]:
        """Return what may answer the request, best first. Raises as `prepare` does."""
        targets = self._catalog.resolve(request.model, caller)
        if targets[0].reasoning:
            refuse_sampling(request.parameters)
        return targets

    def ignored(self, prepared: PreparedRequest) -> tuple[str, ...]:
        """Name the parameters that the first-choice provider will not honour."""
        target = prepared.targets[0]
        return target.provider.ignored(self._model_request(prepared, prepared.thread.items, target))

    def count_input(self, caller: Caller, request: CreateRequest, call: UpstreamCall) -> TokenCount:
        """Return how many tokens the model would read, its history and tools included (G9).

        The first-choice provider counts them; where it does not, or no model is named, they are
        estimated.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it could not be served as it is.
            StorageUnavailable: it continues what is stored, and the store is unreachable.
            CallerGone: the call was cancelled.
        """
        if not request.model:
            start = thread_for(self._store, self._ids, caller.account, request, self._context_of)
            items, parameters = start.items, in_thread(request.parameters, start)
        else:
            prepared = self.prepare(caller, request)
            items, target = prepared.thread.items, prepared.targets[0]
            parameters = prepared.parameters
            call.provider = target.provider.name
            counted = target.provider.count_input(
                self._model_request(prepared, items, target), call
            )
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
        """Open the upstream, without the oldest turns where they are too much for it (S8).

        With `until`, a time of time.monotonic, failures are tried again until then, as
        Router.open_in_time does.

        Raises:
            GatewayError: as Router.open does.
            Parked: as Router.open_in_time does.
        """
        items, last_excess = prepared.thread.items, None
        for truncations_left in reversed(range(MAX_TRUNCATIONS + 1)):
            request_for = partial(self._model_request, prepared, items)
            try:
                if until is not None:
                    return self._router.open_in_time(
                        prepared.targets, request_for, call, until, pause_s
                    )
                return self._router.open(prepared.targets, request_for, call)
            except ContextLengthExceeded as error:
                excess = error.excess_tokens
                # vLLM stops counting one past its limit ("at least"): an excess that has not
                # shrunk with the input is no measure of it.
                if excess is not None and last_excess is not None and excess >= last_excess:
                    excess = None
                last_excess = error.excess_tokens
                shorter = without_oldest(items, excess)
                truncates = prepared.request.truncation == "auto" and truncations_left
                if not truncates or shorter == items:
                    raise
                items = shorter
        raise AssertionError("the last try returns or raises")

    def narrator(self, prepared: PreparedRequest) -> Narrator:
        """Return what makes events of the upstream's deltas."""
        response = prepared.response
        return Narrator(
            response,
            self._ids.item_minter(response.id),
            self._now,
            CallNames.of(
                used_call_ids(prepared.request, prepared.thread.items),
                prepared.parameters.tools,
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
    ) -> Run:
        """Return the answer under way; see Run for the callbacks."""
        model = opened.target.upstream_model
        seal = partial(self._sealer.seal, prepared.caller.account, opened.provider)
        return Run(
            self.narrator(prepared),
            opened.batches,
            store=lambda response, events: store(marked(response, model, seal), events),
            on_end=on_end,
            abort_error=abort_error,
            seal=seal,
            shows_opaque=INCLUDE_ENCRYPTED in prepared.request.parameters.include,
        )

    def _model_request(
        self, prepared: PreparedRequest, items: tuple[Item, ...], target: Target
    ) -> ModelRequest:
        account, request = prepared.caller.account, prepared.request
        known = target.provider.known_tools(target.upstream_model)
        parameters, items = for_provider(request.parameters, items, prepared.thread, known)
        return ModelRequest(
            model=target.upstream_model,
            items=self._for_target(account, target, items),
            parameters=self._pseudonymous(account, parameters),
            stream=request.stream or request.background,
            history_tools=prepared.thread.tools,
            max_output_tokens_default=target.max_output_tokens,
            reasons=target.reasons,
            has_cache_breakpoints=request.has_cache_breakpoints,
            known_tools=known,
        )

    def _pseudonymous(self, account: str, parameters: Parameters) -> Parameters:
        """Return the parameters under pseudonyms that no other account has upstream (U14)."""
        names = (parameters.user, parameters.safety_identifier, parameters.prompt_cache_key)
        if names == (None, None, None):
            return parameters
        user, safety_identifier, cache_key = (
            name and self._sealer.pseudonym(account, name) for name in names
        )
        return replace(
            parameters,
            user=user,
            safety_identifier=safety_identifier,
            prompt_cache_key=cache_key,
        )

    def _for_target(
        self, account: str, target: Target, items: tuple[Item, ...]
    ) -> tuple[Item, ...]:
        """Return the items with the opaque payloads of this provider, and no other's (U11)."""
        for item in items:
            if isinstance(item, Reasoning) and item.encrypted_content is not None:
                opened = (self._opened_item(account, target, each) for each in items)
                return tuple(each for each in opened if each is not None)
        return items

    def _opened_item(self, account: str, target: Target, item: Item) -> Item | None:
        """Return the item with its payload open; None, text and all, for another provider's."""
        if not isinstance(item, Reasoning) or item.encrypted_content is None:
            return item
        unsealed = self._sealer.open(account, item.encrypted_content)
        if unsealed is None or unsealed.origin != target.provider.name:
            return None
        return opened_for(target.upstream_model, item, unsealed.payload)


def refuse_sampling(parameters: Parameters) -> None:
    """Raise InvalidRequest for sampling parameters: a reasoning model does not take them (R5)."""
    for name in ("temperature", "top_p"):
        if getattr(parameters, name) is not None:
            raise InvalidRequest(
                f"Unsupported parameter: '{name}' is not supported with this model. Leave it out.",
                param=name,
                code="unsupported_parameter",
            )
