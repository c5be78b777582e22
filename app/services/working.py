"""A worker's side of background responses: take, run, end; and what becomes of the lost.

A job is this worker's while its lease lasts, which `beat` renews. Everything that a run writes is
guarded by its owner's word: a run that was cancelled, or was given up for lost, cannot write any
more, and stops.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from app.domain.accounts import Caller
from app.domain.response import Response
from app.errors import CallerGone, GatewayError, StorageUnavailable, Unavailable, UpstreamTimeout
from app.providers.base import UpstreamCall
from app.services.answering import Answering, Prepared
from app.services.background import end
from app.services.telling import Telling
from app.services.tickets import Ticket, unpack
from app.settings import BackgroundSettings
from app.store.jobs_base import Claim, JobStore
from app.telemetry import log


@dataclass(slots=True)
class Run:
    """A job that this worker runs. `why` is what stopped it, None while nothing did."""

    telling: Telling
    call: UpstreamCall
    until: float
    why: GatewayError | None = None
    gives_back: bool = False

    def stop(self, why: GatewayError | None = None) -> None:
        """Give the upstream up."""
        self.why = self.why or why
        self.call.cancel()


class Worker:
    """Works on background responses, many at once, each in a thread of its caller's.

    `caller_of` returns who may use a key, None when nobody may any more; `send` tells the workers
    that something waits; `settled` hears how each job ended. `clock` is like time.monotonic, `now`
    returns Unix seconds.
    """

    def __init__(
        self,
        jobs: JobStore,
        answering: Answering,
        settings: BackgroundSettings,
        *,
        caller_of: Callable[[str], Caller | None],
        settled: Callable[[Ticket, Response, GatewayError | None], None],
        send: Callable[[], None],
        clock: Callable[[], float],
        now: Callable[[], int],
    ) -> None:
        self._jobs = jobs
        self._answering = answering
        self._settings = settings
        self._caller_of = caller_of
        self._settled = settled
        self._send = send
        self._clock = clock
        self._now = now
        self._runs: dict[str, Run] = {}

    def work(self) -> None:
        """Run the job whose turn it is, if there is one."""
        response_id = self._jobs.take()
        if response_id is None:
            return
        claim = self._jobs.claim(response_id, token_hex(8))
        if claim is None:
            self._jobs.forget("", response_id)
            return
        until = self._clock() + self._settings.time_limit_s
        # The run's own limit comes first, and says which it was.
        call = UpstreamCall(deadline=until + self._settings.grace_s)
        run = Run(Telling(self._jobs, claim, self._clock, call.cancel), call, until)
        self._runs[response_id] = run
        try:
            self._answer(run, claim, unpack(claim.job.ticket))
        finally:
            del self._runs[response_id]

    def _answer(self, run: Run, claim: Claim, ticket: Ticket) -> None:
        try:
            caller = self._caller_of(ticket.key_id)
            if caller is None:
                self._end(claim, None)
                return
            prepared = Prepared(
                caller,
                ticket.request,
                self._answering.targets(caller, ticket.request),
                ticket.thread,
                ticket.response,
            )
            opened = self._answering.open(prepared, run.call)
        except CallerGone:
            self._stopped(run, claim)
            return
        except GatewayError as error:
            self._end(claim, error)
            return
        answer = self._answering.run(
            prepared,
            opened,
            keep=lambda response, ending: run.telling.finish(ticket.turn(response), ending),
            ended=lambda response, failure: self._settled(ticket, response, failure),
            overruled=lambda: None if run.gives_back else run.why,
        )
        for events in answer.events():
            run.telling.tell(events)
        if run.gives_back:
            self._stopped(run, claim)

    def _stopped(self, run: Run, claim: Claim) -> None:
        """Settle a job whose upstream was given up before it could end by itself."""
        if run.gives_back and self._jobs.give_back(claim):
            self._send()
        elif run.gives_back:
            self._end(claim, Unavailable("The worker was stopped in the middle of the answer."))
        elif run.why is not None:
            self._end(claim, run.why)

    def _end(self, claim: Claim, error: GatewayError | None) -> None:
        """End a job as failed, or as cancelled where there is no error."""
        response = end(
            self._jobs,
            claim,
            lambda narrator: narrator.fail(error) if error else narrator.cancel(),
            self._now,
        )
        if response is not None:
            self._settled(unpack(claim.job.ticket), response, error)

    def flush(self) -> None:
        """Write down what has waited long enough; to be called every few milliseconds."""
        for run in list(self._runs.values()):
            run.telling.flush_when_due()

    def beat(self) -> None:
        """Renew the leases, stop what runs too long, settle what other workers have lost."""
        limit = self._settings.time_limit_s
        for run in list(self._runs.values()):
            if self._clock() > run.until:
                run.stop(
                    UpstreamTimeout(f"The response took longer than the limit of {limit:g} s.")
                )
        self._jobs.renew(list(self._runs))
        for response_id in self._jobs.lost():
            self._settle_lost(response_id)

    def _settle_lost(self, response_id: str) -> None:
        if response_id in self._runs:
            return  # it was late with its own heartbeat, which has just been renewed
        account = self._jobs.settle_lost(response_id)
        log.warning("job_lost", response_id=response_id, ends=account is not None)
        if account is None:
            self._send()
            return
        claim = self._jobs.seize(account, response_id, token_hex(8))
        if claim is not None:
            self._end(claim, Unavailable("The worker was lost in the middle of the answer."))

    def cancelled(self, response_id: str) -> None:
        """Stop a job that somebody has cancelled; "" asks after all of them."""
        for each in [response_id] if response_id else list(self._runs):
            run = self._runs.get(each)
            if run is not None and (response_id or not run.telling.is_ours()):
                run.stop()

    def drain(self) -> None:
        """Give the running jobs their grace, then put what still runs back into the queue."""
        idle = threading.Event()
        until = self._clock() + self._settings.grace_s
        while self._runs and self._clock() < until:
            idle.wait(0.05)
        for run in list(self._runs.values()):
            run.gives_back = True
            run.stop()

    def keep_alive(self, every_s: float) -> None:
        """Beat, for ever; a store that is away is waited for."""
        idle = threading.Event()
        while True:
            try:
                self.beat()
            except StorageUnavailable:
                log.warning("heartbeat_missed")
            idle.wait(every_s)

    def keep_flushing(self, every_s: float) -> None:
        """Flush, for ever."""
        idle = threading.Event()
        while True:
            self.flush()
            idle.wait(every_s)
