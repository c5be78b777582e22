"""A worker's side of background responses: it claims a job, runs it, and ends it.

A job is this worker's as long as its lease lasts (supervisor.py). Everything that it writes is
guarded by the lease token: a job that was cancelled, or given up as lost, can no longer write, and
stops.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from secrets import token_hex
from typing import TypeVar

from app.domain.accounts.accounts import Caller, Principal
from app.domain.response import Response
from app.domain.stream.narrate import Narrator
from app.domain.turns.job_payload import JobPayload
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, NotFound, StorageUnavailable, Unconfirmed
from app.services.answering.compactor import readers
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.request import PreparedRequest
from app.services.background.active_jobs import ActiveJob, ActiveJobs
from app.services.background.event_writer import PAUSE_S, EventWriter
from app.services.background.finisher import JobFinisher, trace_of
from app.services.background.spans import recorded_job
from app.services.upstreams.retry_rounds import FIRST_PAUSE_S, Parked
from app.services.upstreams.router import UpstreamAnswer
from app.settings import BackgroundSettings
from app.store.jobs.base import Claim, JobStore, RetryState
from app.telemetry import JOBS_AGAIN, STORE_FAILURES, JobTrace, identify, log, unexpected

T = TypeVar("T")


class Worker:
    """Runs background responses, many at once, each in a thread of the caller's.

    `caller_of` returns who may use a key or token, None when nobody may any more. `send` wakes
    workers for that many queued jobs; `leave` leaves a job whose model is unknown here to others.
    `clock` is like time.monotonic, `now` returns Unix seconds, `pause` is like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        preparation: Preparation,
        finisher: JobFinisher,
        active_jobs: ActiveJobs,
        settings: BackgroundSettings,
        *,
        caller_of: Callable[[Principal], Caller | None],
        send: Callable[[int], None],
        leave: Callable[[Claim, str], None],
        clock: Callable[[], float],
        now: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._jobs = jobs
        self._preparation = preparation
        self._finisher = finisher
        self._active_jobs = active_jobs
        self._settings = settings
        self._caller_of = caller_of
        self._send = send
        self._leave = leave
        self._clock = clock
        self._now = now
        self._pause = pause

    def work(self) -> None:
        """Run the next job, if there is one. Raises nothing.

        While the store is unreachable this keeps trying: there was a wake-up, so there is a job. If
        this worker is ending, the job is left as it is: its lease runs out, which is noticed. A
        wake-up that comes when no job may begin any more is passed on.
        """
        self._work(self._jobs.take)

    def work_on(self, response_id: str) -> None:
        """Run a job that was taken already. Raises nothing, as `work` does.

        When no job may begin any more it is claimed all the same, and given back at once: there is
        no wake-up for it, and no other worker would take it before its lease runs out.
        """
        self._work(lambda _token: response_id, is_taken=True)

    def _work(self, take: Callable[[str], str | None], *, is_taken: bool = False) -> None:
        identify()
        lease_token = token_hex(8)
        with self._active_jobs.claiming() as may_begin:
            claim = None
            try:
                claim = self._claim(take, lease_token) if may_begin or is_taken else None
                if claim is not None:
                    self._run(claim, claim.payload)
                elif not may_begin:
                    self._send(1)
            except StorageUnavailable:
                STORE_FAILURES.labels("jobs").inc()
            except Exception as bug:  # noqa: BLE001 - whatever it is, no caller is to wait for ever
                self._fail(claim, bug)
            finally:
                self._active_jobs.memory.give_back(lease_token)

    def _claim(self, take: Callable[[str], str | None], lease_token: str) -> Claim | None:
        response_id = self._keep_trying(lambda: take(lease_token))
        if response_id is None:
            return None
        has_room = partial(self._active_jobs.memory.take, lease_token, response_id)
        return self._keep_trying(lambda: self._jobs.claim(response_id, lease_token, has_room))

    def _keep_trying(self, attempt: Callable[[], T]) -> T:
        """Return the result of `attempt`, which may be repeated, once the store can be reached.

        Raises:
            StorageUnavailable: the store stays unreachable, and this worker is ending.
            Unconfirmed: it is done, but too few replicas have it.
        """
        while True:
            try:
                return attempt()
            except StorageUnavailable as error:
                STORE_FAILURES.labels("jobs").inc()
                if self._active_jobs.closed or isinstance(error, Unconfirmed):
                    raise
            self._pause(PAUSE_S)

    def _fail(self, claim: Claim | None, bug: Exception) -> None:
        unexpected(bug, "" if claim is None else claim.response_id, "job")
        if claim is not None:
            with suppress(GatewayError):
                self._end(claim, GatewayError("The gateway failed."))

    def _end(
        self, claim: Claim, error: GatewayError | None = None, trace: JobTrace | None = None
    ) -> None:
        with suppress(Unconfirmed):  # it is written, and charged
            self._keep_trying(lambda: self._finisher.end(claim, error, trace))

    def _run(self, claim: Claim, payload: JobPayload) -> None:
        trace = trace_of(payload)
        identify(**trace.ids)
        with recorded_job(claim, trace, payload.identity):
            self._run_recorded(claim, payload, trace)

    def _run_recorded(self, claim: Claim, payload: JobPayload, trace: JobTrace) -> None:
        until = self._clock() + self._left_s(claim)
        # `until` comes first, with an error that names the limit; the deadline catches the rest.
        call = UpstreamCall(
            deadline=until + self._settings.grace_s,
            identity=payload.identity,
            response_id=claim.response_id,
        )
        writer = EventWriter(self._jobs, claim, call.cancel, self._clock, self._pause)
        call.note_called = writer.note_called
        job = ActiveJob(claim, payload, trace, call, writer, until)
        job.trace.waited_s = max(0.0, self._now() - payload.queued_at)
        with self._active_jobs.tracking(job):
            if self._active_jobs.closed:
                job.give_back()  # it came too late to be given back with the others
            try:
                self._answer(job)
            finally:
                writer.close()

    def _left_s(self, claim: Claim) -> float:
        """Return how many seconds are left of a job's time.

        That includes the time parked, but no time back in the queue. How long a worker ran it whose
        lease was lost is unknown; three lost leases end a job.
        """
        left_s = self._settings.time_limit_s
        if claim.left_s is not None:
            left_s = min(left_s, claim.left_s)
        return left_s if claim.retries is None else min(left_s, claim.retries.until - self._now())

    def _answer(self, job: ActiveJob) -> None:
        """Answer the job, or park it, leave it to other workers, end it or give it back."""
        try:
            try:
                prepared = self._keep_trying(lambda: self._prepared(job))
            except NotFound:  # a model that this worker's gateway.toml does not know
                job.writer.close()
                self._keep_trying(lambda: self._leave(job.claim, job.payload.request.model))
                return
            if prepared is None:
                self._end(job.claim, trace=job.trace)
                return
            narrator = self._preparation.narrator(prepared)
            job.writer.append(narrator.begin())
            retries = job.claim.retries
            pause_s = FIRST_PAUSE_S if retries is None else retries.pause_s
            opened = self._opened(job, prepared, pause_s)
        except StorageUnavailable:
            raise
        except Parked as parked:
            self._park(job, parked)
        except CallerGone:
            self._stopped(job)
        except GatewayError as error:
            call, trace = job.call, job.trace
            trace.provider, trace.attempts = call.provider, call.attempts or None
            trace.upstream_request_id, trace.upstream_key = call.request_id, call.key
            job.writer.close()
            self._end(job.claim, error, job.trace)
        else:
            self._stream(job, prepared, opened, narrator)

    def _opened(self, job: ActiveJob, prepared: PreparedRequest, pause_s: float) -> UpstreamAnswer:
        """Open the upstream. On failure, the job's claim gets the usage of discarded output."""
        try:
            return self._preparation.open(prepared, job.call, job.until, pause_s)
        except CallerGone:
            raise
        except GatewayError:
            job.lose(self._finisher.lost(self._preparation.lost(prepared, job.call)))
            raise

    def _prepared(self, job: ActiveJob) -> PreparedRequest | None:
        """Return the request to answer; None if its key may no longer be used."""
        if job.call.cancelled:
            raise CallerGone("The job was stopped.")
        payload = job.payload
        caller, request = self._caller_of(payload.principal), payload.request
        if caller is None:
            return None
        if payload.key is not None:
            caller = replace(caller, content_key=payload.key)
        targets = self._preparation.targets(caller, request)
        targets = readers(targets, request, payload.thread)
        job.count_wait()
        return PreparedRequest.of(caller, request, targets, payload.thread, payload.response)

    def _stream(
        self, job: ActiveJob, prepared: PreparedRequest, opened: UpstreamAnswer, narrator: Narrator
    ) -> None:
        """Write the answer's events, and its end, until it has ended or is stopped."""
        job.trace.provider, job.trace.attempts = opened.provider, opened.attempts
        job.trace.upstream_key = opened.target.key
        job.trace.upstream_s, job.trace.call = opened.first_batch_s, opened.call
        answer = self._preparation.run(
            prepared,
            opened,
            store=lambda response, ending: job.writer.finish(job.payload.turn(response), ending),
            on_end=lambda response, failure: self._settle(job, opened, response, failure),
            abort_error=lambda: None if job.goes_back else job.stop_error,
            begun=narrator,
        )
        job.writer.usage = lambda: answer.usage
        tier = job.payload.response.service_tier
        job.writer.cost = lambda usage: self._finisher.cost(opened, usage, tier)
        for events in answer.events():
            job.writer.append(events)
        if not job.writer.ended:
            self._stopped(job)

    def _settle(
        self,
        job: ActiveJob,
        opened: UpstreamAnswer,
        response: Response,
        failure: GatewayError | None,
    ) -> None:
        """Charge a job to its account, if this run has ended it."""
        if job.writer.ended:
            job.trace.upstream_request_id = job.call.request_id
            cost = self._finisher.cost(opened, response.usage, response.service_tier)
            self._finisher.settle(job.payload, response, failure, job.trace, cost)

    def _park(self, job: ActiveJob, parked: Parked) -> None:
        """Park a job until its upstream's next round, which any worker may run."""
        if job.call.cancelled:
            self._stopped(job)
            return
        job.writer.close()
        retries = RetryState(parked.pause_s, self._now() + job.until - self._clock())
        self._keep_trying(lambda: self._jobs.park(job.claim, retries, parked.after_s))
        JOBS_AGAIN.labels("parked").inc()
        log.info("job_parked", response_id=job.claim.response_id, after_s=round(parked.after_s, 1))

    def _stopped(self, job: ActiveJob) -> None:
        """Settle a job whose run was stopped early; others may have ended it by now."""
        job.writer.close()
        run = replace(job.claim, begun=job.claim.begun or job.call.may_cost)
        if job.goes_back:
            left_s = job.until - self._clock() if job.is_counted else None
            claim = self._jobs.give_back(run, left_s)
            if claim is not None:
                self._finisher.end(claim)
                return
            JOBS_AGAIN.labels("stopped").inc()
            self._send(1)
        elif job.stop_error is not None:
            self._end(run, job.stop_error, job.trace)
        log.info("job_stopped", response_id=job.claim.response_id, given_back=job.goes_back)
