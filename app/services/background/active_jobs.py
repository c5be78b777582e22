"""The jobs that this worker runs: what they tell is flushed, and they are stopped when need be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import GatewayError, StorageUnavailable, UpstreamTimeout
from app.providers.base import UpstreamCall
from app.services.background.event_writer import Telling
from app.services.background.payload import Ticket
from app.store.jobs.base import Claim, JobStore
from app.telemetry import JobTrace


@dataclass(slots=True)
class Run:
    """A job that this worker runs, until `until` at the latest.

    `why` is what stopped it, None while nothing did. `gives_back` says that it was stopped for
    another worker to run it.
    """

    claim: Claim
    ticket: Ticket
    trace: JobTrace
    call: UpstreamCall
    telling: Telling
    until: float
    why: GatewayError | None = None
    gives_back: bool = False

    def stop(self, why: GatewayError | None = None) -> None:
        """Give the upstream up."""
        self.why = self.why or why
        self.call.cancel()

    def give_back(self) -> None:
        """Stop, for another worker to run it."""
        self.gives_back = True
        self.stop()


class Running:
    """Every run of this process; once `closed`, none is begun.

    `any` is set while there are some. `clock` is like time.monotonic, `limit_s` a run's own limit.
    """

    def __init__(self, jobs: JobStore, clock: Callable[[], float], limit_s: float) -> None:
        self.closed = False
        self.any = threading.Event()
        self._jobs = jobs
        self._clock = clock
        self._limit_s = limit_s
        self._runs: dict[str, Run] = {}
        self._taking = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def ids(self) -> list[str]:
        """The ids of the responses that are being made."""
        return [run.claim.response_id for run in self._all()]

    @property
    def busy(self) -> bool:
        """Whether a job is being taken, runs, or is being put down."""
        return bool(self._taking or self._runs)

    def close(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self.closed = True

    @contextmanager
    def taking(self) -> Iterator[bool]:
        """Be busy for the length of the block; yields False where nothing more is begun."""
        with self._lock:
            self._taking += 1
            may_begin = not self.closed
        try:
            yield may_begin
        finally:
            with self._lock:
                self._taking -= 1

    @contextmanager
    def holding(self, run: Run) -> Iterator[None]:
        """Know of a run for the length of the block."""
        with self._lock:
            self._runs[run.claim.owner] = run
            self.any.set()
        try:
            yield
        finally:
            with self._lock:
                del self._runs[run.claim.owner]
                if not self._runs:
                    self.any.clear()

    def flush(self) -> bool:
        """Write down what has waited long enough, all at once; False where the store is away."""
        flushes = [
            (run.telling, flush)
            for run in self._all()
            if (flush := run.telling.take_off()) is not None
        ]
        if not flushes:
            return True
        landed: list[bool | None] = [None] * len(flushes)
        try:
            landed[:] = self._jobs.tell([(telling.claim, flush) for telling, flush in flushes])
        except StorageUnavailable:
            return False
        finally:
            for (telling, _), ours in zip(flushes, landed, strict=True):
                telling.land(ours)
        return True

    def stop_overdue(self) -> None:
        """Stop what has run for too long (A7)."""
        for run in self._all():
            if self._clock() > run.until:
                limit = f"The response took longer than the limit of {self._limit_s:g} s."
                run.stop(UpstreamTimeout(limit))

    def stop_foreign(self, response_id: str = "") -> None:
        """Stop the runs of a response, or of any, that are not this worker's any more.

        Raises:
            StorageUnavailable: the store is away.
        """
        for run in self._all():
            if response_id in ("", run.claim.response_id) and not self._jobs.owns(run.claim):
                run.stop()

    def give_back(self) -> None:
        """Stop everything, for other workers to run it."""
        for run in self._all():
            run.give_back()

    def give_back_unspoken(self) -> None:
        """Stop what has said nothing yet, for other workers to run it."""
        for run in self._all():
            if not run.telling.spoke:
                run.give_back()

    def _all(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())
