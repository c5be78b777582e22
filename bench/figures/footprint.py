"""Memory of idle callers that stay connected, and of running jobs."""

from __future__ import annotations

import contextlib
import socket

from bench import servers
from bench.accounting import Serving
from bench.jobs import Jobs
from bench.questions import small
from bench.servers import HOST
from bench.setting import Setting
from tests.e2e.workers import brief
from tests.upstream.script import Script

CALLERS = 1000
JOBS = 200
#: Long enough for all jobs to run at once.
JOB = Script(wait_s=3.0)
LEASE_S = "30"


class Footprint:
    """A thousand callers that were answered and stay connected, and two hundred jobs at once."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._env = {**setting.where.env, "WORKER_LEASE_S": LEASE_S}

    def measure(self) -> dict[str, float]:
        """Return kilobytes for each."""
        return {"caller_kb": self._caller_kb(), "job_kb": self._job_kb()}

    def _caller_kb(self) -> float:
        with servers.gateway(self._setting.where, 1) as own, contextlib.ExitStack() as stack:
            request = own.request(small()).encode()
            for _ in range(20):
                _answered(stack, own.port, request)  # warm-up
            before = own.serving.memory_bytes()
            for _ in range(CALLERS):
                _answered(stack, own.port, request)
            return (own.serving.memory_bytes() - before) / CALLERS / 1000

    def _job_kb(self) -> float:
        jobs = Jobs(self._setting)
        with brief(self._env, self._setting.where.directory) as worker:
            serving = Serving([worker.child])
            jobs.end(jobs.queue(20, Script()))
            before = serving.memory_bytes()
            waiting = jobs.queue(JOBS, JOB)
            jobs.until_running(JOBS)
            each = (serving.memory_bytes() - before) / JOBS / 1000
            jobs.end(waiting)
            return each


def _answered(stack: contextlib.ExitStack, port: int, request: bytes) -> None:
    """Send a request on a new connection, and leave it open."""
    connection = stack.enter_context(socket.create_connection((HOST, port)))
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65536)
