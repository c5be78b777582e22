"""Requests that are prepared but not answered: `generate: false` of the WebSocket mode."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.accounts.accounts import Caller
from app.domain.estimates import Estimate
from app.domain.prices import FREE
from app.domain.request import CreateRequest
from app.domain.response import NO_USAGE
from app.domain.stream.deltas import Finished, Used
from app.domain.stream.events import Event
from app.services.accounts.permissions import permitted
from app.services.answering.preparation import Preparation
from app.services.answering.turn_memory import TurnMemory
from app.services.limits.meter import Meter, Observer
from app.services.responses.saving import TurnSaver

NO_TOKENS = Estimate(0, 0)


class WarmUps:
    """Makes responses without output, which the next request can continue; calls no model."""

    def __init__(self, preparation: Preparation, saver: TurnSaver, meter: Meter) -> None:
        self._preparation = preparation
        self._saver = saver
        self._meter = meter

    def prepare(
        self,
        caller: Caller,
        request: CreateRequest,
        observer: Observer,
        memory: TurnMemory | None,
    ) -> Sequence[Event]:
        """Return all events of a response without output, once it is stored or remembered.

        The request counts for the caller's limits, but not in the usage book.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: the request could not be served as it is.
            LimitReached: a limit of requests is reached.
            StorageUnavailable: it is to be stored, or continues a stored turn; Redis is away.
        """
        prepared = self._preparation.prepare(
            caller, permitted(caller, request), memory=memory, needs_items=False
        )
        with self._meter.limiter.reserve(caller, lambda: NO_TOKENS) as reservation:
            observer.admitted(reservation.standing)
            narrator = self._preparation.narrator(prepared)
            events = narrator.begin()
            events += narrator.hear([Used(NO_USAGE), Finished("stop")])
            events += narrator.finish()
            self._saver.save(prepared, None, narrator.response, memory)
        observer.ended(narrator.response, None, FREE)
        return events
