"""Background responses under load: queued through the gateway, observed in its store."""

from __future__ import annotations

import json
from time import perf_counter, sleep

from app.store.jobs.redis import RedisJobStore
from app.store.key_wrapping import KeyWrapping
from bench.conversation import ACCOUNT, opened
from bench.questions import in_background
from bench.servers import PREFIX
from bench.setting import Setting
from tests.upstream.script import Script

AT_ONCE = 8
_POLL_S = 0.005
_PATIENCE_S = 60.0


class Jobs:
    """Queues jobs through the gateway, and observes in its store when all have ended."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._responses, client = opened(setting.where)
        # Only reads: it claims no job, so its lease does not matter.
        self._jobs = RedisJobStore(
            client, PREFIX, self._responses, 30, KeyWrapping(lambda: bytes(32))
        )

    def queue(self, jobs: int, script: Script) -> list[str]:
        """Queue `jobs` jobs, and return the ids of their responses."""
        response = self._setting.generator.ask(
            self._setting.gateway, [in_background(script)], jobs, AT_ONCE, status=202, keep=True
        )
        return [json.loads(body)["id"] for body in response.bodies]

    def end(self, response_ids: list[str]) -> float:
        """Wait until no job waits or runs, and return that time, by perf_counter.

        Raises:
            RuntimeError: not all of the given ones were completed, or not in time.
        """
        patience_until = perf_counter() + _PATIENCE_S
        while not self._is_idle():
            if perf_counter() > patience_until:
                raise RuntimeError(f"jobs still wait or run after {_PATIENCE_S} s")
            sleep(_POLL_S)
        ended_at = perf_counter()
        response = [self._responses.get(ACCOUNT, each).response.status for each in response_ids]
        if (completed := response.count("completed")) != len(response):
            raise RuntimeError(f"only {completed} of {len(response)} jobs were completed")
        return ended_at

    def until_running(self, jobs: int) -> None:
        """Wait until `jobs` run at once. Raises RuntimeError if that takes too long."""
        patience_until = perf_counter() + _PATIENCE_S
        while self._jobs.queues().running < jobs:
            if perf_counter() > patience_until:
                raise RuntimeError(f"{jobs} jobs do not run at once")
            sleep(_POLL_S)

    def _is_idle(self) -> bool:
        queues = self._jobs.queues()
        return not (queues.queued or queues.running)
