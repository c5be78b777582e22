"""Keeps background responses going whatever happens to workers: heartbeats, sweeps, wake-ups.

Every worker renews the leases of what it runs, and looks for leases that nobody has renewed. A lost
job is queued again or, if its model had produced output, ended; so nothing waits or runs for ever
while there is a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import Protocol

from app.errors import StorageUnavailable
from app.services.background.active_jobs import ActiveJobs
from app.services.background.draining import Drain
from app.services.background.event_writer import FLUSH_S, PAUSE_S
from app.services.background.finisher import JobFinisher, trace_of
from app.settings import BackgroundSettings
from app.store.jobs.base import Claim, JobNews, JobStore
from app.telemetry import JOB_LEASES_LOST, JOBS_AGAIN, STORE_FAILURES, log, unexpected

#: Seconds after which a job that waits beside an idle worker must have lost its wake-up.
OVERDUE_S = 3.0
#: How many seconds the flushing thread waits for a job before it counts another round.
IDLE_S = 5.0


class WakeUps(Protocol):
    """Wake-ups have workers take jobs: each says that one waits. One too many does no harm.

    `send` and `clear` raise StorageUnavailable when the store is unreachable.
    """

    def send(self, count: int) -> None:
        """Have workers take `count` jobs."""
        ...

    def clear(self) -> None:
        """Forget all wake-ups: those of a worker that died stay behind otherwise."""
        ...

    def wake(self) -> None:
        """Have this worker look for wake-ups."""
        ...

    def idle_s(self) -> float:
        """Return the seconds since this worker last took a job, or could have."""
        ...


class Supervisor:
    """Looks after one worker's jobs. `clock` is like time.monotonic, `pause` like time.sleep.

    `beats` and `flushes` count the rounds of its two threads, and grow as long as these live.
    `on_webhook` is called when an event for a webhook may be due.
    """

    def __init__(
        self,
        jobs: JobStore,
        active_jobs: ActiveJobs,
        finisher: JobFinisher,
        wake_ups: WakeUps,
        settings: BackgroundSettings,
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._jobs = jobs
        self._active_jobs = active_jobs
        self._finisher = finisher
        self._wake_ups = wake_ups
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self.beats = 0
        self.flushes = 0
        self._idle_s = inf  # as the last beat reported it
        self._sweeps_from = clock()
        self._was_idle = self._was_away = False
        self.draining = Drain(active_jobs, clock, pause)
        self.on_webhook: Callable[[], None] = lambda: None

    def beat(self) -> None:
        """Renew leases, settle jobs that other workers have lost, send wake-ups that are missing.

        A heartbeat reports when this worker could last have taken a job: beating alone is no sign
        of life if its threads take none. After an outage of the store nobody has renewed leases in
        time, so nothing is swept for the length of a lease; and it is unknown which wake-ups are
        left, so all queued jobs get new ones.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        try:
            self._idle_s = self._wake_ups.idle_s()
            self._jobs.renew(self._active_jobs.ids, self._idle_s)
            if due := self._jobs.due():
                self._wake_ups.send(due)
            if self._clock() >= self._sweeps_from:
                for response_id in self._jobs.lost():
                    self._sweep(response_id)
            self._send_missing_wake_ups()
        except StorageUnavailable:
            self._sweeps_from = self._clock() + self._settings.lease_s
            self._was_away = True
            raise

    def _sweep(self, response_id: str) -> None:
        self.beats += 1
        try:
            self._settle_lost(response_id)
        except StorageUnavailable:
            raise
        except Exception as bug:  # noqa: BLE001 - one that cannot be ended holds up no others
            unexpected(bug, response_id, "heartbeat")

    def _settle_lost(self, response_id: str) -> None:
        settled = self._jobs.settle_lost(response_id)
        if settled is False:  # no worker lost it: it had ended, and its lease was just left over
            log.info("job_end_settled", response_id=response_id)
            return
        JOB_LEASES_LOST.inc()
        claim = settled if isinstance(settled, Claim) else None
        payload = self._jobs.payload(response_id) if claim is None else claim.payload
        ids = {"response_id": response_id} if payload is None else trace_of(payload).ids
        is_stream = claim is not None and claim.kind is not None
        log.warning("stream_lost" if is_stream else "job_lost", **ids, ends=claim is not None)
        if claim is not None:
            self._finisher.end(claim)
        else:
            JOBS_AGAIN.labels("lost").inc()
            self._wake_ups.send(1)

    def _send_missing_wake_ups(self) -> None:
        queues = self._jobs.queues()
        is_idle = not (queues.queued or queues.running)
        if is_idle and not self._was_idle:
            self._wake_ups.clear()
            queues = self._jobs.queues()  # a job that came meanwhile may have lost its wake-up
        self._was_idle = is_idle
        if is_idle or self._was_away or queues.oldest_s > OVERDUE_S:
            self._send_wake_ups(queues.queued)
        self._was_away = False

    def resend_wake_ups(self) -> None:
        """Send wake-ups for all queued jobs, as some may be lost; raises StorageUnavailable."""
        self._send_wake_ups(self._jobs.queues().queued)

    def _send_wake_ups(self, queued: int) -> None:
        """Send wake-ups for `queued` jobs, but no more than this worker has free slots."""
        free = self._settings.concurrency - len(self._active_jobs)
        if queued and free > 0:
            self._wake_ups.send(min(queued, free))

    def handle_news(self, what: JobNews, response_id: str) -> None:
        """React to news: look for waiting jobs, stop those taken over; "" may mean anything.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        if what in ("waiting", ""):
            self._wake_ups.wake()
        if what in ("webhook", ""):
            self.on_webhook()
        if what in ("taken_over", ""):
            self._active_jobs.stop_lost(response_id)

    def drain(self) -> None:
        """Take no new jobs, and return when none runs any more, within about `grace_s`."""
        self.draining.begin(self._settings.grace_s)
        self.draining.run()

    def keep_beating(self, every_s: float) -> None:
        """Beat for ever; while the store is unreachable, keep trying."""
        while True:
            self.beats += 1
            try:
                self.beat()
            except StorageUnavailable:
                STORE_FAILURES.labels("heartbeat").inc()
                self._pause(PAUSE_S)
                continue
            except Exception as bug:  # noqa: BLE001 - without a heartbeat every job would be lost
                unexpected(bug, "heartbeat", "heartbeat")
            # A worker that had not looked for its first job yet must not seem dead for long; it may
            # have looked since this beat has reported that.
            self._pause(every_s if isfinite(self._idle_s) else min(every_s, PAUSE_S))

    def keep_flushing(self) -> None:
        """Flush running jobs and stop overdue ones, for ever."""
        while True:
            self.flushes += 1
            if not self._active_jobs.present.wait(IDLE_S):
                continue
            flushed = False
            try:
                self._active_jobs.stop_overdue()
                flushed = self._active_jobs.flush()
            except Exception as bug:  # noqa: BLE001 - nobody else would flush or stop anything
                unexpected(bug, "flush", "flush")
            self._pause(FLUSH_S / 5 if flushed else PAUSE_S)
