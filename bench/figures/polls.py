"""CPU of polling a running job that has much output, of which little is new."""

from __future__ import annotations

from http.client import HTTPConnection
from itertools import count

from bench.jobs import Jobs
from bench.servers import HOST
from bench.setting import Setting
from tests.e2e.workers import brief
from tests.upstream.script import Script

#: Events that a job has had when it is polled, and number of polls.
EVENTS = (200, 2000)
POLLS = 100
LEASE_S = "30"

_tags = (f"poll {number}" for number in count())


class Polls:
    """One running job whose model sends nothing more, and a caller who polls it."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._env = {**setting.where.env, "WORKER_LEASE_S": LEASE_S}
        self._jobs = Jobs(setting)

    def measure(self) -> dict[str, float]:
        """Return the gateway's CPU for a GET in microseconds, by the number of events."""
        with brief(self._env, self._setting.where.directory):
            return {f"{events}": self._us(events, next(_tags)) for events in EVENTS}

    def _us(self, events: int, tag: str) -> float:
        script = Script(events=events + 1, stall_after=events, tag=tag)
        (response_id,) = self._jobs.queue(1, script)
        self._setting.where.upstream.wait(tag, "stalled")
        call = HTTPConnection(HOST, self._setting.gateway.port)
        while self._poll(call, response_id).count(b"word") < events:
            pass  # the last of them are being written
        serving = self._setting.gateway.serving
        before_s = serving.cpu_s()
        for _ in range(POLLS):
            self._poll(call, response_id)
        took_us = (serving.cpu_s() - before_s) / POLLS * 1e6
        call.close()
        self._setting.where.upstream.release(tag)
        self._jobs.end([response_id])
        return took_us

    def _poll(self, call: HTTPConnection, response_id: str) -> bytes:
        headers = {"Authorization": f"Bearer {self._setting.gateway.key}"}
        call.request("GET", f"/v1/responses/{response_id}", headers=headers)
        return call.getresponse().read()
