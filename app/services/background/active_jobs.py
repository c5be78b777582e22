"""The jobs that this worker runs: flushes their events, and stops them when necessary."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.domain.prices import Cost
from app.domain.response import Usage
from app.domain.turns.job_payload import JobPayload
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, StorageUnavailable, UpstreamTimeout
from app.services.background.event_writer import EventWriter
from app.store.jobs.base import Claim, JobStore
from app.telemetry import JOB_WAIT_SECONDS, JobTrace

#: For how many seconds a job may find no room before others are held back for its sake ...
PATIENCE_S = 30.0
#: ... unless it has not come back for this many seconds: it runs elsewhere, or was cancelled.
GONE_S = 30.0


@dataclass(slots=True)
class ActiveJob:
    """A job that this worker runs, until `until` (time.monotonic) at the latest.

    `stop_error` is the error that it was stopped with: None if it was not stopped, or for no fault.
    `goes_back` says that it was stopped so that another worker can run it, `is_counted` that its
    wait has been recorded, by this run or an earlier one.
    """

    claim: Claim
    payload: JobPayload
    trace: JobTrace
    call: UpstreamCall
    writer: EventWriter
    until: float
    stop_error: GatewayError | None = None
    goes_back: bool = False
    is_counted: bool = False

    def stop(self, error: GatewayError | None = None) -> None:
        """Cancel the upstream call; the job ends with the first `error` that is given."""
        self.stop_error = self.stop_error or error
        self.call.cancel()

    def give_back(self) -> None:
        """Stop, so that another worker can run the job."""
        self.goes_back = True
        self.stop()

    def count_wait(self) -> None:
        """Record how long the job waited for its first run.

        A job that has some time left has had one, also if that called no upstream.
        """
        claim, self.is_counted = self.claim, True
        if not claim.begun and claim.retries is None and claim.left_s is None:
            JOB_WAIT_SECONDS.observe(self.trace.waited_s or 0.0)

    def lose(self, lost: tuple[Usage, Cost] | None) -> None:
        """Have the claim charge output that a failure discarded, if there was any."""
        if lost is not None:
            usage, cost = lost
            self.claim = replace(self.claim, begun=True, usage=usage, cost=cost)
            self.trace.lost_by = cost.provider, cost.model


class JobMemory:
    """Bounds the memory of this process's jobs with long payloads. Safe for threads.

    Jobs get room in no particular order, but one that has found none for PATIENCE_S is next: the
    shorter ones, which keep coming, would never leave it any. `clock` is like time.monotonic.
    """

    def __init__(self, most_bytes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._taken: dict[str, int] = {}
        #: When each waiting job was refused first, and last; in the order of the first refusals.
        self._refused: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, lease_token: str, response_id: str, size: int) -> bool:
        """Take `size` bytes for a job; False if they are not free, or another job is next.

        A job may exceed the bound if no other has taken any: no other process could run it either.
        """
        now = self._clock()
        with self._lock:
            others = sum(self._taken.values()) - self._taken.get(lease_token, 0)
            fits = not others or others + size <= self._most_bytes
            if fits and self._is_its_turn(response_id, now):
                self._taken[lease_token] = size
                self._refused.pop(response_id, None)
                return True
            first, _ = self._refused.get(response_id, (now, now))
            self._refused[response_id] = first, now
        return False

    def _is_its_turn(self, response_id: str, now: float) -> bool:
        """Tell whether no other job that still waits has waited too long."""
        for waiting, (first, last) in list(self._refused.items()):
            if now - last <= GONE_S:
                return waiting == response_id or now - first < PATIENCE_S
            del self._refused[waiting]
        return True

    def give_back(self, lease_token: str) -> None:
        """Release what a job has taken, if anything."""
        with self._lock:
            self._taken.pop(lease_token, None)


class ActiveJobs:
    """All jobs that this process runs; once `closed`, no new one begins.

    `present` is set while there are any. `clock` is like time.monotonic; `limit_s` is how long a
    job may run, in seconds. `memory` bounds what their payloads take.
    """

    def __init__(
        self,
        jobs: JobStore,
        clock: Callable[[], float],
        limit_s: float,
        most_bytes: float = math.inf,
    ) -> None:
        self.memory = JobMemory(most_bytes, clock)
        self.closed = False
        self.present = threading.Event()
        self._jobs = jobs
        self._clock = clock
        self._limit_s = limit_s
        self._by_holder: dict[str, ActiveJob] = {}
        self._claiming = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_holder)

    @property
    def ids(self) -> list[str]:
        """The ids of the responses that are being made."""
        return [job.claim.response_id for job in self._all()]

    @property
    def busy(self) -> bool:
        """Whether a job is being claimed, runs, or is being written back to the store."""
        return self._claiming > 0

    def close(self) -> None:
        """Let no new job begin."""
        with self._lock:
            self.closed = True

    @contextmanager
    def claiming(self) -> Iterator[bool]:
        """Count as `busy` within the block; yield False if no job may begin any more."""
        with self._lock:
            self._claiming += 1
            may_begin = not self.closed
        try:
            yield may_begin
        finally:
            with self._lock:
                self._claiming -= 1

    @contextmanager
    def tracking(self, job: ActiveJob) -> Iterator[None]:
        """List a job among those that run, within the block."""
        with self._lock:
            self._by_holder[job.claim.lease_token] = job
            self.present.set()
        try:
            yield
        finally:
            with self._lock:
                del self._by_holder[job.claim.lease_token]
                if not self._by_holder:
                    self.present.clear()

    def flush(self) -> bool:
        """Write all flushes that are due, in one round trip; False if the store is unreachable."""
        flushes = [
            (job.writer, flush)
            for job in self._all()
            if (flush := job.writer.begin_flush()) is not None
        ]
        if not flushes:
            return True
        written: list[bool | None] = [None] * len(flushes)
        try:
            written[:] = self._jobs.append([(writer.claim, flush) for writer, flush in flushes])
        except StorageUnavailable:
            return False
        finally:
            for (writer, _), is_ours in zip(flushes, written, strict=True):
                writer.end_flush(is_ours)
        return True

    def stop_overdue(self) -> None:
        """Stop the jobs that have exceeded their time limit (A7)."""
        for job in self._all():
            if self._clock() > job.until:
                limit = f"The response took longer than the limit of {self._limit_s:g} s."
                job.stop(UpstreamTimeout(limit))

    def stop_lost(self, response_id: str = "") -> None:
        """Stop the jobs, of one response or all, whose leases are another holder's by now.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        for job in self._all():
            if response_id in ("", job.claim.response_id) and not self._jobs.owns(job.claim):
                job.stop()

    def give_back(self) -> None:
        """Stop all jobs, so that other workers run them."""
        for job in self._all():
            job.give_back()

    def give_back_silent(self) -> None:
        """Stop the jobs whose models have no output yet, so that other workers run them."""
        for job in self._all():
            if not job.writer.has_output:
                job.give_back()

    def _all(self) -> list[ActiveJob]:
        with self._lock:
            return list(self._by_holder.values())
