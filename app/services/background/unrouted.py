"""Jobs whose model this worker does not know: they are left to a worker that does (N20).

So it is while web has been reloaded and the worker has yet to be, or the other way round. Every
worker looks at what was left, and takes what it knows. Nobody tries one again and again: it is
looked up here, by its model's name, and only run by who knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from app.errors import GatewayError, NotFound, StorageUnavailable
from app.services.background.active_jobs import ActiveJobs
from app.services.background.finisher import JobFinisher
from app.services.background.payload import unpack
from app.store.jobs.base import Claim, JobStore
from app.telemetry import JOBS_AGAIN, STORE_FAILURES, log, unexpected

#: How long a job waits for a worker that knows its model, in seconds.
WAIT_S = 60.0
LOOK_S = 1.0


class LeftJobs(Protocol):
    """What was left. Each raises StorageUnavailable when the store is away."""

    def leave(self, claim: Claim) -> Claim | None:
        """Leave a job to others; returns the claim to end it with where somebody has seized it."""
        ...

    def left(self) -> Sequence[tuple[str, float]]:
        """Return what was left, and for how many seconds it has been."""
        ...

    def retake(self, response_id: str) -> bool:
        """Take a job that was left; True for one of those who try."""
        ...


class Unrouted:
    """Leaves jobs to others, and takes those that others have left.

    `find` raises NotFound where the holder of a key finds no such model here. `begin` has a job run
    in a thread of its own, `owner` makes up a word for who ends one; `room` is how many may run.
    """

    def __init__(
        self,
        left: LeftJobs,
        jobs: JobStore,
        finisher: JobFinisher,
        active_jobs: ActiveJobs,
        *,
        find: Callable[[str, str], None],
        begin: Callable[[str], None],
        owner: Callable[[], str],
        room: int,
    ) -> None:
        self._left = left
        self._jobs = jobs
        self._finisher = finisher
        self._active_jobs = active_jobs
        self._find = find
        self._begin = begin
        self._owner = owner
        self._room = room
        self._models: dict[str, tuple[str, str]] = {}  # id -> key and model

    def leave(self, claim: Claim, model: str) -> None:
        """Leave a job to others. Raises StorageUnavailable."""
        seized = self._left.leave(claim)
        if seized is not None:
            self._finisher.end(seized)
            return
        JOBS_AGAIN.labels("unrouted").inc()
        log.warning("job_left_to_others", response_id=claim.response_id, model=model)

    def look(self) -> None:
        """Take what is known here by now, and end what nobody knew in time.

        Raises:
            StorageUnavailable: the store is away.
        """
        left = self._left.left()
        self._models = {each: self._models[each] for each, _ in left if each in self._models}
        for response_id, left_s in left:
            if self._active_jobs.closed or len(self._active_jobs) >= self._room:
                return
            unknown = self._unknown(response_id)
            if unknown is None and self._left.retake(response_id):
                self._begin(response_id)
            elif unknown is not None and left_s > WAIT_S and self._left.retake(response_id):
                self._end(response_id, unknown)

    def _unknown(self, response_id: str) -> NotFound | None:
        """Tell what is wrong with a job's model; None where it is known, or the job has ended."""
        if response_id not in self._models:
            packed = self._jobs.payload(response_id)
            if packed is None:
                return None
            ticket = unpack(packed)
            self._models[response_id] = (ticket.key_id, ticket.request.model)
        try:
            self._find(*self._models[response_id])
        except NotFound as unknown:
            return unknown
        except StorageUnavailable:
            raise
        except GatewayError:  # its run will meet that too, and say so
            return None
        return None

    def _end(self, response_id: str, unknown: NotFound) -> None:
        claim = self._jobs.claim(response_id, self._owner())
        if claim is not None:
            self._finisher.end(claim, unknown)

    def keep_looking(self, pause: Callable[[float], object]) -> None:
        """Look, for ever; a store that is away is waited for."""
        while True:
            pause(LOOK_S)
            try:
                self.look()
            except StorageUnavailable:
                STORE_FAILURES.labels("unrouted").inc()
            except Exception as bug:  # noqa: BLE001 - nobody else would look
                with suppress(Exception):
                    unexpected(bug, "unrouted", "unrouted")
