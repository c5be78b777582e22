"""How soon jobs run again after their worker was killed."""

from __future__ import annotations

from time import perf_counter

from bench.jobs import Jobs
from bench.setting import Setting
from tests.e2e.workers import brief
from tests.upstream.script import Script

JOBS = 20
#: Short, to keep the run short; the target is the lease and a few seconds.
LEASE_S = 2


class Redelivery:
    """Jobs whose upstream has sent nothing yet when their worker gets a SIGKILL.

    done_s: from the SIGKILL until all were completed by a worker started after it, its start-up
    included; the second time the upstream answers at once.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._env = {**setting.where.env, "WORKER_LEASE_S": str(LEASE_S)}
        self._jobs = Jobs(setting)

    def measure(self) -> dict[str, float]:
        """Return the time, and the lease in seconds."""
        upstream, directory = self._setting.where.upstream, self._setting.where.directory
        tag = "redelivery"
        with brief(self._env, directory) as worker:
            response_ids = self._jobs.queue(JOBS, Script(tag=tag, stall_after=-1))
            upstream.wait(tag, "stalled", JOBS)
            killed_at = perf_counter()
            worker.kill()
        upstream.release(tag)
        with brief(self._env, directory):
            done_at = self._jobs.end(response_ids)
        return {"done_s": done_at - killed_at, "lease_s": float(LEASE_S)}
