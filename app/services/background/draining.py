"""How a worker drains: jobs with output may go on for a while, all others go back at once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from app.services.background.active_jobs import ActiveJobs
from app.services.background.event_writer import FLUSH_S

#: How many seconds stopped jobs may take to be written back to the store.
GIVING_BACK_S = 5.0


class Drain:
    """The drain of a worker; `begun` is set once it has begun.

    `clock` is like time.monotonic, `pause` like time.sleep. While the store is unreachable, a job
    that could not be written back is left to its lease.
    """

    def __init__(
        self,
        active_jobs: ActiveJobs,
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self.begun = threading.Event()
        self._active_jobs = active_jobs
        self._clock = clock
        self._pause = pause
        self._until = math.inf

    def begin(self, within_s: float) -> None:
        """Take no new jobs and give those with output `within_s` seconds; safe in any thread.

        Another call may shorten that time, never prolong it.
        """
        self._active_jobs.close()
        self._until = min(self._until, self._clock() + within_s)
        self.begun.set()

    def run(self, giving_back_s: float = GIVING_BACK_S) -> None:
        """Return when no job runs any more, or `giving_back_s` after the last ones were stopped.

        A job without output goes back to its queue; one whose time is up ends as `failed`.
        """
        while self._active_jobs.busy and self._clock() < self._until:
            self._active_jobs.give_back_silent()
            self._pause(FLUSH_S)
        given_up_at = self._clock() + giving_back_s
        while self._active_jobs.busy and self._clock() < given_up_at:
            self._active_jobs.give_back()
            self._pause(FLUSH_S)
