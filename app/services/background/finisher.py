"""How background responses end, whoever ends them: told, stored, put on their account, logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from app.domain.accounts.accounts import Caller
from app.domain.response import Response, Usage
from app.domain.stream.events import Event
from app.domain.stream.resume import retold
from app.errors import GatewayError, Unavailable, Unconfirmed
from app.schemas.events import encode
from app.schemas.stored_events import event_from_json
from app.services.background.payload import Ticket, unpack
from app.services.limits.meter import Meter
from app.store.jobs.base import Claim, Flush, JobStore, Why
from app.telemetry import JobTrace, job_ended

#: What the caller of a job reads that somebody else than its run has ended.
_FAULTS: dict[Why, str] = {
    "stopped": "The worker was stopped in the middle of the answer.",
    "lost": "The worker was lost in the middle of the answer.",
    "refused": "The store was lost before the request was accepted.",
}


class JobFinisher:
    """Ends jobs. `now` returns Unix seconds."""

    def __init__(self, jobs: JobStore, meter: Meter, now: Callable[[], float]) -> None:
        self._jobs = jobs
        self._meter = meter
        self._now = now

    def end(
        self, claim: Claim, error: GatewayError | None = None, trace: JobTrace | None = None
    ) -> bool:
        """End a job that no run ends; False where somebody else has, or it is another's by now.

        It fails with the error, or as `claim.why` says: only what was cancelled does not fail.
        `trace` is what is known of its run.

        Raises:
            StorageUnavailable: the store is away.
            Unconfirmed: it has ended, and a server that is lost now may take that with it.
        """
        ticket = unpack(claim.ticket)
        events = _Counted(stored_events(self._jobs, claim.response_id))
        narrator = retold(ticket.response, events, claim.usage, lambda: int(self._now()))
        opening = [] if events.count else narrator.begin()
        error = error or (Unavailable(_FAULTS[claim.why]) if claim.why in _FAULTS else None)
        ending = narrator.fail(error) if error else narrator.cancel()
        flush = Flush(events.count, tuple(encode(event) for event in [*opening, *ending]))
        try:
            ended, lag = self._jobs.finish(claim, ticket.turn(narrator.response), flush), None
        except Unconfirmed as error_of_replicas:
            ended, lag = True, error_of_replicas
        if ended and claim.why != "refused":  # its caller has been told, and its use is counted
            told = trace or trace_of(ticket)
            self.settle(ticket, narrator.response, error, told, asked=claim.begun)
        if lag is not None:
            raise lag
        return ended

    def settle(
        self,
        ticket: Ticket,
        response: Response,
        failure: GatewayError | None,
        trace: JobTrace,
        *,
        asked: bool = True,
    ) -> None:
        """Put a job that has ended on its account, into the metrics and into the log.

        `asked` is false where no upstream can have been asked.
        """
        caller = Caller(account=ticket.account, key_id=ticket.key_id)
        reservation = self._meter.limits.resume(ticket.admission)
        self._meter.ended(caller, response, failure, reservation, asked=asked)
        usage = response.usage or Usage()
        job_ended(
            trace,
            response.status,
            max(0.0, self._now() - ticket.queued_at),
            (usage.input_tokens, usage.output_tokens),
            None if failure is None else failure.code or failure.type,
        )


def trace_of(ticket: Ticket) -> JobTrace:
    """Return what is known of a job before anybody has run it."""
    response, identity = ticket.response, ticket.identity
    trace = JobTrace(response.id, ticket.account, ticket.key_id, response.model)
    if identity is not None:
        trace.request_id, trace.trace_id = identity.request_id, identity.trace_id
    return trace


class _Counted:
    """Events that are counted as they go by: none is kept, there may be a million."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.count = 0
        self._events = events

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.count += 1
            yield event


def stored_events(jobs: JobStore, response_id: str) -> Iterator[Event]:
    """Yield the events of a job's stream so far."""
    number, more = 0, True
    while more:
        told = jobs.told(response_id, number)
        number, more = number + len(told.lines), told.more
        yield from (event_from_json(orjson.loads(line)) for line in told.lines)
