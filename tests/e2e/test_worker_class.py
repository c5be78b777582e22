"""A worker's jobs are greenlets, or threads where WORKER_CLASS says so: they do the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.background import cancel, ended, queued, spoken
from tests.e2e.gateway import Gateway
from tests.e2e.workers import brief
from tests.upstream.client import Upstream
from tests.upstream.script import Script

JOBS = 20


@pytest.mark.parametrize(("worker_class", "on_threads"), [("gevent", False), ("gthread", True)])
def test_jobs_run_beside_one_another(
    gateway: Gateway,
    environment: dict[str, str],
    upstream: Upstream,
    tmp_path: Path,
    worker_class: str,
    *,
    on_threads: bool,
) -> None:
    tag = f"beside {worker_class}"
    halted = Script(say=("one ", "two"), stall_after=1, tag=tag)
    env = {**environment, "WORKER_CLASS": worker_class, "WORKER_CONCURRENCY": str(JOBS)}
    with brief(env, tmp_path) as worker:
        response_ids = [queued(gateway, halted) for _ in range(JOBS)]
        for each in response_ids:
            assert spoken(gateway, each, "one ")["status"] == "in_progress"
        assert (worker.child.num_threads() > JOBS) is on_threads
        assert cancel(gateway, response_ids[0])["output_text"] == "one "
        upstream.release(tag, JOBS)
        for each in response_ids[1:]:
            assert ended(gateway, each)["output_text"] == "one two"
