"""Jobs whose model this worker does not know, which are left to a worker that does (N20).

This happens while the web processes have been reloaded and the worker has not, or vice versa. Every
worker looks at the jobs that were left, and takes those whose model it knows. It runs none to find
out: it looks their models up by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from app.domain.accounts.accounts import Principal
from app.errors import GatewayError, NotFound, StorageUnavailable
from app.services.background.active_jobs import ActiveJobs
from app.services.background.finisher import JobFinisher
from app.store.jobs.base import Claim, JobStore
from app.telemetry import JOBS_AGAIN, STORE_FAILURES, log, unexpected

#: For how many seconds a job waits for a worker that knows its model.
WAIT_S = 60.0
#: Seconds between a worker's looks for such jobs.
LOOK_S = 1.0


class UnroutedStore(Protocol):
    """Keeps the jobs that were left. Every method raises StorageUnavailable."""

    def leave(self, claim: Claim) -> bool:
        """Leave a job to others; False if it was taken over."""
        ...

    def waiting(self) -> Sequence[tuple[str, float]]:
        """Return the ids of the jobs that were left, and for how many seconds they have been."""
        ...

    def take(self, response_id: str) -> bool:
        """Take a job that was left; of the workers that try, one gets True."""
        ...


class Unrouted:
    """Leaves jobs to others, and takes those that others have left.

    `find` raises NotFound if a key's holder has no such model here. `begin` runs a job in a thread
    of its own, `new_token` makes a lease token; `capacity` is how many may run at once.
    """

    def __init__(
        self,
        store: UnroutedStore,
        jobs: JobStore,
        finisher: JobFinisher,
        active_jobs: ActiveJobs,
        *,
        find: Callable[[Principal, str], None],
        begin: Callable[[str], None],
        new_token: Callable[[], str],
        capacity: int,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._finisher = finisher
        self._active_jobs = active_jobs
        self._find = find
        self._begin = begin
        self._new_token = new_token
        self._capacity = capacity
        self._models: dict[str, tuple[Principal, str]] = {}  # response id -> principal and model

    def leave(self, claim: Claim, model: str) -> None:
        """Leave a job to others. Raises StorageUnavailable."""
        if self._store.leave(claim):
            JOBS_AGAIN.labels("unrouted").inc()
            log.warning("job_left_to_others", response_id=claim.response_id, model=model)

    def look(self) -> None:
        """Take the jobs whose model is known by now; end those that no worker knew in time.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        waiting = self._store.waiting()
        self._models = {each: self._models[each] for each, _ in waiting if each in self._models}
        for response_id, waited_s in waiting:
            if self._active_jobs.closed or len(self._active_jobs) >= self._capacity:
                return
            unknown = self._unknown(response_id)
            if unknown is None and self._store.take(response_id):
                self._begin(response_id)
            elif unknown is not None and waited_s > WAIT_S and self._store.take(response_id):
                self._end(response_id, unknown)

    def _unknown(self, response_id: str) -> NotFound | None:
        """Return why a job's model is not found; None if it is found, or the job has ended."""
        if response_id not in self._models:
            payload = self._jobs.payload(response_id)
            if payload is None:
                return None
            self._models[response_id] = (payload.principal, payload.request.model)
        try:
            self._find(*self._models[response_id])
        except NotFound as unknown:
            return unknown
        except StorageUnavailable:
            raise
        except GatewayError:  # its run will fail with that, too
            return None
        return None

    def _end(self, response_id: str, unknown: NotFound) -> None:
        claim = self._jobs.claim(response_id, self._new_token())
        if claim is not None:
            self._finisher.end(claim, unknown)

    def keep_looking(self, pause: Callable[[float], object]) -> None:
        """Look for ever; while the store is unreachable, keep trying."""
        while True:
            pause(LOOK_S)
            try:
                self.look()
            except StorageUnavailable:
                STORE_FAILURES.labels("unrouted").inc()
            except Exception as bug:  # noqa: BLE001 - nobody else would look
                with suppress(Exception):
                    unexpected(bug, "unrouted", "unrouted")
