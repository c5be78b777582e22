"""Background responses on one worker process: pick-up time, and many at once."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from itertools import count
from statistics import median
from time import perf_counter, sleep

from bench.accounting import Serving
from bench.jobs import Jobs
from bench.questions import in_background
from bench.servers import HOST
from bench.setting import Setting
from tests.e2e.workers import brief
from tests.upstream.script import Script

JOBS = 200
#: A stream of twenty words within a second.
JOB = Script(events=20, wait_s=0.05, interval_s=0.05)
LEASE_S = "30"
#: Pause before each job of the pick-up test in seconds, so that the worker is idle.
IDLE_S = 0.1

_tags = (f"pick-up {number}" for number in count())


class Background:
    """One worker process beside the gateway, as `flask --app wsgi worker` runs it.

    pick_up_p50_ms, _max_ms: one job at a time, on an idle worker. From the moment when the caller
    has read the 202 to the moment when the upstream has the worker's request; both are observed
    from here, which adds a fraction of a millisecond. It may be negative, since a job is queued
    before its 202 is sent.
    asked_p50_ms: the same from the moment when the caller sends its request.
    wall_s: 200 jobs whose upstream sends twenty words in a second, from before the first POST until
    none waits or runs, polled every 5 ms; all must be completed.
    job_us, web_us: the worker's CPU for each of them, and the web process's.
    line_us, line_web_us: the same for jobs whose upstream sends one line at once.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._env = {**setting.where.env, "WORKER_LEASE_S": LEASE_S}
        self._times = setting.sized(20, 10)
        self._jobs = Jobs(setting)

    def measure(self) -> dict[str, float]:
        """Return times, and CPU per job."""
        with brief(self._env, self._setting.where.directory) as worker:
            serving = Serving([worker.child])
            measured = self._pick_up()
            started = perf_counter()
            ended_at, measured["job_us"], measured["web_us"] = self._worked(serving, JOB)
            measured["wall_s"] = ended_at - started
            _, measured["line_us"], measured["line_web_us"] = self._worked(serving, Script())
        return measured

    def _worked(self, worker: Serving, script: Script) -> tuple[float, float, float]:
        """Return when all jobs had ended, and the CPU per job of worker and web process."""
        web = self._setting.gateway.serving
        before_s, web_before_s = worker.cpu_s(), web.cpu_s()
        ended_at = self._jobs.end(self._jobs.queue(JOBS, script))
        took_s, web_took_s = worker.cpu_s() - before_s, web.cpu_s() - web_before_s
        return ended_at, took_s / JOBS * 1e6, web_took_s / JOBS * 1e6

    def _pick_up(self) -> dict[str, float]:
        call = HTTPConnection(HOST, self._setting.gateway.port)
        took = [self._picked_up(call, next(_tags)) for _ in range(self._times)]
        call.close()
        result, sent = zip(*took, strict=True)
        return {
            "pick_up_p50_ms": median(result) * 1e3,
            "pick_up_max_ms": max(result) * 1e3,
            "asked_p50_ms": median(sent) * 1e3,
        }

    def _picked_up(self, call: HTTPConnection, tag: str) -> tuple[float, float]:
        """Return how long after its 202, and after its request, a job reached the upstream."""
        headers = {"Authorization": f"Bearer {self._setting.gateway.key}"}
        body = json.dumps(in_background(Script(tag=tag)).responses)
        sleep(IDLE_S)
        sent_at = perf_counter()
        call.request("POST", "/v1/responses", body, headers | {"Content-Type": "application/json"})
        response_id = json.loads(call.getresponse().read())["id"]
        seen_at = perf_counter()
        (record,) = self._setting.where.upstream.wait(tag, "arrived")
        came_at = perf_counter() - record["arrived_s"]
        self._jobs.end([response_id])
        return came_at - seen_at, came_at - sent_at
