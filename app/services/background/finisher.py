"""Ends background responses, whoever caused the end: stores, charges and logs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.domain.accounts.accounts import Caller
from app.domain.accounts.content_key import ContentKey
from app.domain.prices import FREE, UNKNOWN_COST, Cost
from app.domain.response import Response, Usage
from app.domain.stream.events import Event
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.stream.resume import resume
from app.domain.turns.job_payload import JobPayload
from app.errors import GatewayError, Unavailable, Unconfirmed
from app.services.background.spans import job_recorded
from app.services.limits.meter import Meter
from app.services.limits.request_log import job_entry
from app.services.upstreams.router import EndedCall, UpstreamAnswer
from app.store.jobs.base import Claim, EndReason, Flush, JobStore
from app.telemetry import JobTrace, job_ended, log

#: The error message of a job that was not ended by its run.
_FAULTS: dict[EndReason, str] = {
    "stopped": "The worker was stopped in the middle of the answer.",
    "lost": "The worker was lost in the middle of the answer.",
    "refused": "Redis was lost before the request was accepted.",
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
        """End a job that its run does not end; False if it has ended, or is another holder's.

        It fails with the error, or as `claim.why` says; only a cancelled job does not fail. `trace`
        is what is known of its run.

        Raises:
            StorageUnavailable: the store is unreachable.
            Unconfirmed: it has ended, but if a server is lost now, that end may be lost with it.
        """
        payload = claim.payload
        # 1. Replaying the events so far gives the narrator its state.
        cuts = StreamCuts(self._jobs.encode)
        if claim.kind == "outlasting":
            cuts.note_outlasting()
        events = _Counted(stored_events(self._jobs, claim.response_id, claim.key), cuts)
        narrator = resume(payload.response, events, claim.usage, lambda: int(self._now()))
        # 2. It closes what is open: these are the last events of the stream.
        ending, error = [] if events.count else narrator.begin(), error or _fault_of(claim)
        ending += narrator.fail(error) if error else narrator.cancel()
        # 3. They are stored with the response, in one step; of a stream, its cuts instead.
        turn, unconfirmed, lines = payload.turn(narrator.response), None, tuple[bytes, ...]()
        if claim.kind is None:
            lines = tuple(map(self._jobs.encode, ending))
        else:
            cuts.add(ending)
            turn = replace(turn, cuts=bytes(cuts))
        try:
            ended = self._jobs.finish(claim, turn, Flush(events.count, lines))
        except Unconfirmed as error_of_replicas:
            ended, unconfirmed = True, error_of_replicas
            self._jobs.forget([claim.response_id])  # so that it is not ended again
        # 4. Whoever ends it charges it. A refused one was charged when its caller got the error.
        if ended and claim.why != "refused":
            trace = trace or trace_of(payload)
            cost = claim.cost or _unrecorded_cost(claim)
            self.settle(
                payload,
                narrator.response,
                error,
                trace,
                cost,
                is_job=claim.kind is None,
            )
        if unconfirmed is not None:
            raise unconfirmed
        return ended

    def cost(self, opened: UpstreamAnswer, usage: Usage | None, tier: str) -> Cost:
        """Return what an answer costs (Meter.cost)."""
        return self._meter.cost(opened, usage, tier)

    def lost(self, calls: Sequence[EndedCall]) -> tuple[Usage, Cost] | None:
        """Return what lost output has used, and its cost (Meter.lost)."""
        return self._meter.lost(calls)

    def settle(
        self,
        payload: JobPayload,
        response: Response,
        failure: GatewayError | None,
        trace: JobTrace,
        cost: Cost,
        *,
        is_job: bool = True,
    ) -> None:
        """Charge a job that has ended to its account, count it in the metrics, and log it.

        `is_job` is false for a stream that was not ended by its own process.
        """
        caller = Caller(account=payload.account, key_id=payload.key_id, content_key=payload.key)
        reservation = self._meter.limiter.resume(payload.charge)
        usage, outcome, now = response.usage or Usage(), response.status, self._now()
        duration_s = max(0.0, now - payload.queued_at)
        code = None if failure is None else failure.code or failure.type
        self._meter.charge_answer(
            caller,
            response,
            failure,
            reservation,
            payload.request.parameters,
            cost,
            entry=job_entry(trace, outcome, duration_s, usage, code, now, cost.microusd),
        )
        if not is_job:
            log.warning("stream_ended_for_another", **trace.ids, outcome=outcome)
            return
        job_ended(trace, outcome, duration_s, usage.by_kind, code, cost.microusd)
        job_recorded(response, failure)


def _unrecorded_cost(claim: Claim) -> Cost:
    """Return the cost of a job for which none was recorded."""
    if claim.usage is not None:
        return Cost(None, is_counted=False)
    return UNKNOWN_COST if claim.begun else FREE


def _fault_of(claim: Claim) -> GatewayError | None:
    """Return the error of a job that was not ended by its run; None for a cancelled one."""
    if claim.kind is not None and claim.why == "lost":
        return Unavailable("The process that streamed the answer was lost in the middle of it.")
    return Unavailable(_FAULTS[claim.why]) if claim.why in _FAULTS else None


def trace_of(payload: JobPayload) -> JobTrace:
    """Return what is known of a job before any worker has run it."""
    response, identity = payload.response, payload.identity
    trace = JobTrace(response.id, payload.account, payload.key_id, response.model)
    if identity is not None:
        trace.request_id, trace.trace_id = identity.request_id, identity.trace_id
    return trace


class _Counted:
    """Counts events and records their cuts as they are read; keeps none of up to a million."""

    def __init__(self, events: Iterator[Event], cuts: StreamCuts) -> None:
        self.count = 0
        self._events = events
        self._cuts = cuts

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.count += 1
            self._cuts.add([event])
            yield event


def stored_events(
    jobs: JobStore, response_id: str, key: ContentKey | None = None
) -> Iterator[Event]:
    """Yield the events of a job's stream so far. Raises StorageUnavailable."""
    number, more = 0, True
    while more:
        page = jobs.read_events(response_id, number, key)
        number, more = number + len(page.lines), page.more
        yield from map(jobs.decode, page.lines)
