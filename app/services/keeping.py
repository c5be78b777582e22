"""What keeps background responses going, whatever becomes of workers: heartbeats, sweeps, tickets.

Every worker renews the leases of what it runs, and looks for leases that nobody has renewed. What
was lost is queued again or, where the model had spoken, ended; so nothing waits or runs for ever
while there is a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.errors import StorageUnavailable
from app.services.draining import Drain
from app.services.ending import Endings
from app.services.running import Running
from app.services.telling import FLUSH_S, PAUSE_S
from app.settings import BackgroundSettings
from app.store.jobs_base import JobStore, What
from app.telemetry import JOB_LEASES_LOST, JOBS_AGAIN, STORE_FAILURES, log, unexpected

#: A job that has waited for so long, in seconds, beside a worker that is free has no ticket.
TICKETLESS_S = 3.0


class Tickets(Protocol):
    """What has workers take jobs: a ticket says that one waits. One too many does no harm.

    `send` and `clear` raise StorageUnavailable when the store is away.
    """

    def send(self, count: int) -> None:
        """Have workers take so many jobs."""
        ...

    def clear(self) -> None:
        """Forget all tickets: those that a worker died with stay behind."""
        ...

    def wake(self) -> None:
        """Have this worker look for tickets."""
        ...


class Keeper:
    """Keeps one worker's jobs. `clock` is like time.monotonic, `pause` like time.sleep."""

    def __init__(
        self,
        jobs: JobStore,
        running: Running,
        endings: Endings,
        tickets: Tickets,
        settings: BackgroundSettings,
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._jobs = jobs
        self._running = running
        self._endings = endings
        self._tickets = tickets
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._sweeps_from = clock()
        self._was_idle = False
        self.draining = Drain(running, clock, pause)

    def beat(self) -> None:
        """Renew the leases, see to what other workers have lost and to what has no ticket.

        After an outage of the store nobody has renewed in time: all are given a lease's length.

        Raises:
            StorageUnavailable: the store is away.
        """
        try:
            self._jobs.renew(self._running.ids)
            if self._clock() >= self._sweeps_from:
                for response_id in self._jobs.lost():
                    self._settle_lost(response_id)
            self._see_to_tickets()
        except StorageUnavailable:
            self._sweeps_from = self._clock() + self._settings.lease_s
            raise

    def _settle_lost(self, response_id: str) -> None:
        claim = self._jobs.settle_lost(response_id)
        JOB_LEASES_LOST.inc()
        log.warning("job_lost", response_id=response_id, ends=claim is not None)
        if claim is not None:
            self._endings.end(claim)
        else:
            JOBS_AGAIN.labels("lost").inc()
            self._tickets.send(1)

    def _see_to_tickets(self) -> None:
        queues, free = self._jobs.queues(), self._settings.concurrency - len(self._running)
        idle = not (queues.queued or queues.running)
        if idle and not self._was_idle:
            self._tickets.clear()
            queues = self._jobs.queues()  # what came in the meantime may have lost its ticket
        self._was_idle = idle
        overdue = idle or queues.oldest_s > TICKETLESS_S
        if queues.queued and free > 0 and overdue:
            self._tickets.send(min(queues.queued, free))

    def heard(self, what: What, response_id: str) -> None:
        """Look for what waits, stop what has become somebody else's; no word may be either.

        Raises:
            StorageUnavailable: the store is away.
        """
        if what in ("waiting", ""):
            self._tickets.wake()
        if what in ("seized", ""):
            self._running.stop_foreign(response_id)

    def drain(self) -> None:
        """Begin nothing more, and return when nothing runs any more, within `grace_s` or so."""
        self.draining.begin(self._settings.grace_s)
        self.draining.run()

    def keep_alive(self, every_s: float) -> None:
        """Beat, for ever; a store that is away is waited for."""
        while True:
            try:
                self.beat()
            except StorageUnavailable:
                STORE_FAILURES.labels("heartbeat").inc()
                self._pause(PAUSE_S)
                continue
            except Exception as bug:  # noqa: BLE001 - without a heartbeat every job would be lost
                unexpected(bug, "heartbeat", "heartbeat")
            self._pause(every_s)

    def keep_flushing(self) -> None:
        """Flush what runs and stop what is overdue, for ever."""
        while True:
            self._running.any.wait()
            self._running.stop_overdue()
            self._pause(FLUSH_S / 5 if self._running.flush() else PAUSE_S)
