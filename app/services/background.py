"""Background responses as their callers see them: queued, polled, followed, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Any

import orjson

from app.domain.accounts import Caller
from app.domain.accumulate import fold
from app.domain.events import Event
from app.domain.items import Item
from app.domain.narrate import Narrator
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.domain.retell import retold
from app.errors import GatewayError, InvalidRequest, RateLimited, StorageUnavailable
from app.schemas.events import encode
from app.schemas.stored_events import event_from_json
from app.services.answering import Answering
from app.services.following import Followings
from app.services.metering import Meter, Observer
from app.services.permissions import permitted, refuse_read_only, well_formed
from app.services.tickets import Ticket, pack, unpack
from app.settings import BackgroundSettings
from app.store.jobs_base import Claim, Flush, JobStore

#: How long a job's places in flight are held while it waits, over its own time limit.
WAITING_S = 600.0


class Background:
    """The service of background responses.

    `send` tells the workers that something waits. `now` returns Unix seconds.
    """

    def __init__(
        self,
        jobs: JobStore,
        answering: Answering,
        followings: Followings,
        meter: Meter,
        settings: BackgroundSettings,
        send: Callable[[], None],
        now: Callable[[], int],
    ) -> None:
        self._jobs = jobs
        self._answering = answering
        self._followings = followings
        self._meter = meter
        self._settings = settings
        self._send = send
        self._now = now

    def enqueue(
        self, caller: Caller, request: CreateRequest, body: Mapping[str, Any], observer: Observer
    ) -> tuple[Response, tuple[str, ...]]:
        """Queue a request; return its response and the parameters that will not be honoured.

        `body` is its JSON as the caller sent it.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it cannot be served as it is.
            RateLimited: a limit is reached, or the account has too many waiting.
            StorageUnavailable: the store is away.
        """
        if not self._settings.enabled:
            raise InvalidRequest(
                "This gateway makes no background responses: ask without 'background'.",
                param="background",
            )
        prepared = self._answering.prepare(caller, permitted(caller, request), "queued")
        ignored = (*request.ignored, *self._answering.ignored(prepared))
        admission = self._meter.admit(prepared)
        observer.admitted(admission.standing)
        booking = admission.hand_over(self._settings.time_limit_s + WAITING_S)
        ticket = pack(prepared, body, booking)
        turn = unpack(ticket).turn(prepared.response)
        if not self._jobs.enqueue(turn, ticket, self._settings.max_queued_per_account):
            self._meter.refused(prepared, self._meter.limits.resume(booking))
            raise RateLimited(
                f"{self._settings.max_queued_per_account} background responses of this account "
                "are waiting already: wait until some have begun, or cancel some.",
                code="background_queue_full",
                retry_after_s=5,
            )
        # The job is safe: without this ticket a later one, or the sweep, finds it.
        with suppress(StorageUnavailable):
            self._send()
        return prepared.response, ignored

    def pending(self, account: str, response_id: str) -> Response | None:
        """Return a response that waits or runs, with what it has said so far."""
        job = self._jobs.pending(account, response_id)
        if job is None:
            return None
        events = told_events(self._jobs, response_id)
        return fold(events) if events else unpack(job.ticket).response

    def wait(self, response_id: str, seconds: float) -> None:
        """Return when the response has ended, or after so many seconds."""
        with self._followings.follow(response_id) as following:
            following.wait_for_end(seconds)

    def follow(
        self, caller: Caller, response_id: str, starting_after: int, silence_s: float
    ) -> Iterator[list[bytes]]:
        """Return the response's events as JSON lines, those told and those to come (E5).

        An empty batch says that nothing has happened for `silence_s`.

        Raises:
            InvalidRequest: the response was not made in the background.
            NotFound: there is none for this caller.
        """
        if not self._jobs.has_stream(caller.account, well_formed(response_id)):
            raise InvalidRequest(
                "Only background responses can be streamed after they were made: leave out "
                "'stream', or create with 'background': true.",
                param="stream",
            )
        return self._followings.lines(response_id, starting_after, silence_s)

    def cancel(self, caller: Caller, response_id: str) -> bool:
        """Cancel a response that waits or runs; False where there is no such job (E7)."""
        refuse_read_only(caller)
        claim = self._jobs.seize(caller.account, well_formed(response_id), token_hex(8))
        if claim is None:
            return False
        response = end(self._jobs, claim, lambda narrator: narrator.cancel(), self._now)
        if response is not None:
            settle(self._meter, unpack(claim.job.ticket), response, None)
        return True

    def input_items(self, account: str, response_id: str) -> tuple[Item, ...] | None:
        """Return what the model of a response that waits or runs sees."""
        job = self._jobs.pending(account, response_id)
        return None if job is None else unpack(job.ticket).thread.items

    def refuse_foreground(self, caller: Caller, response_id: str) -> None:
        """Raise InvalidRequest for a response that was not made in the background (E7)."""
        if not self._jobs.has_stream(caller.account, well_formed(response_id)):
            raise InvalidRequest("Only background responses can be cancelled.", param="response_id")


def settle(meter: Meter, ticket: Ticket, response: Response, failure: GatewayError | None) -> None:
    """Put a job that has ended on its account."""
    caller = Caller(account=ticket.account, key_id=ticket.key_id)
    meter.ended(caller, response, failure, meter.limits.resume(ticket.admission))


def told_events(jobs: JobStore, response_id: str) -> list[Event]:
    """Return the events of a job's stream so far."""
    flushes = jobs.told(response_id, "").flushes
    return [event_from_json(orjson.loads(line)) for flush in flushes for line in flush.lines]


def end(
    jobs: JobStore,
    claim: Claim,
    ending: Callable[[Narrator], list[Event]],
    now: Callable[[], int],
) -> Response | None:
    """End a job that somebody else told, or nobody; return its response, None if it had ended."""
    ticket = unpack(claim.job.ticket)
    events = told_events(jobs, claim.job.response_id)
    narrator = retold(ticket.response, events, now)
    last = ([] if events else narrator.begin()) + ending(narrator)
    flush = Flush(len(events), tuple(encode(event) for event in last))
    ended = jobs.finish(claim, ticket.turn(narrator.response), flush)
    return narrator.response if ended else None
