"""Create, continue, read and delete responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from app.domain.accounts import Caller
from app.domain.ids import is_response_id, item_minter
from app.domain.items import Item, Reasoning
from app.domain.narrate import Narrator
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.errors import (
    CallerGone,
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    PermissionDenied,
    StorageUnavailable,
)
from app.providers.base import UpstreamCall
from app.schemas.responses import echo
from app.services.history import Thread, thread, without_oldest
from app.services.models import ModelCatalog, Target
from app.services.routing import Opened, Router
from app.services.run import Run, without_opaque
from app.services.seal import Sealer
from app.store.base import Page, ResponseStore, Turn

MAX_TRUNCATIONS = 4


@dataclass(frozen=True, slots=True)
class Started:
    """An answer that has begun: how it came to be, and what tells it."""

    run: Run
    response_id: str
    opened: Opened
    ignored: tuple[str, ...]


class Responses:
    """The service behind /v1/responses. `now` returns Unix seconds."""

    def __init__(
        self,
        store: ResponseStore,
        catalog: ModelCatalog,
        router: Router,
        sealer: Sealer,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._router = router
        self._sealer = sealer
        self._now = now

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
        request = permitted(caller, request)
        targets = self._catalog.resolve(request.model, caller)
        refuse_sampling(targets[0], request.parameters)
        start = thread(self._store, caller.account, request)
        response = Response(start.response_id, request.model, self._now(), echo(request))
        narrator = Narrator(response, item_minter(response.id), self._now)

        def keep(ending: Response) -> None:
            if request.store:
                turn = Turn(
                    caller.account, ending, start.own, request.parameters.include, start.place
                )
                self._store.save(turn)

        try:
            opened = self._opened(caller, request, start, targets, call)
        except CallerGone as gone:
            narrator.begin()
            narrator.cancel()
            keep(narrator.response)
            ended(narrator.response, gone)
            raise
        run = Run(
            narrator,
            opened.batches,
            keep=keep,
            ended=ended,
            seal=lambda payload: self._sealer.seal(caller.account, opened.provider, payload),
            shows_opaque=INCLUDE_ENCRYPTED in request.parameters.include,
        )
        return Started(run, response.id, opened, (*request.ignored, *opened.ignored))

    def _opened(
        self,
        caller: Caller,
        request: CreateRequest,
        start: Thread,
        targets: tuple[Target, ...],
        call: UpstreamCall,
    ) -> Opened:
        """Open the upstream, without the oldest turns where they are too much for it (S8)."""
        parameters = self._private(caller, request.parameters)
        items = start.items
        for truncations_left in reversed(range(MAX_TRUNCATIONS + 1)):

            def asked(target: Target, items: tuple[Item, ...] = items) -> ModelRequest:
                return ModelRequest(
                    model=target.upstream_model,
                    items=self._for_origin(caller.account, target.provider.name, items),
                    parameters=parameters,
                    stream=request.stream or request.background,
                    history_tools=start.tools,
                    max_output_tokens_default=target.max_output_tokens,
                )

            try:
                return self._router.open(targets, asked, call)
            except ContextLengthExceeded as error:
                shorter = without_oldest(items, error.excess_tokens)
                if request.truncation != "auto" or not truncations_left or shorter == items:
                    raise
                items = shorter
        raise AssertionError("the last try returns or raises")

    def _private(self, caller: Caller, parameters: Parameters) -> Parameters:
        """Return the parameters with names that no other account shares upstream (U14)."""

        def pseudonym(given: str | None) -> str | None:
            return given and self._sealer.pseudonym(caller.account, given)

        return replace(
            parameters,
            user=pseudonym(parameters.user),
            safety_identifier=pseudonym(parameters.safety_identifier),
            prompt_cache_key=pseudonym(parameters.prompt_cache_key),
        )

    def _for_origin(self, account: str, provider: str, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Return the items with the opaque payloads of this provider, and no other's (U11)."""
        return tuple(
            replace(item, encrypted_content=self._payload(account, provider, item))
            if isinstance(item, Reasoning) and item.encrypted_content is not None
            else item
            for item in items
        )

    def _payload(self, account: str, provider: str, item: Reasoning) -> str | None:
        unsealed = self._sealer.open(account, item.encrypted_content or "")
        return unsealed.payload if unsealed and unsealed.origin == provider else None

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


def refuse_sampling(target: Target, parameters: Parameters) -> None:
    """Raise InvalidRequest for sampling parameters that a reasoning model does not take (R5)."""
    if not target.reasoning:
        return
    for name in ("temperature", "top_p"):
        if getattr(parameters, name) is not None:
            raise InvalidRequest(
                f"Unsupported parameter: '{name}' is not supported with this model. Leave it out.",
                param=name,
                code="unsupported_parameter",
            )
