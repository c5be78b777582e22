"""An upstream that is away for longer than a caller would wait fails no job that has the time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.services.upstreams.retries import MAX_ATTEMPTS
from tests.e2e.background import cancel, ended, queued, shown
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway
from tests.e2e.tcp_proxy import TcpProxy
from tests.e2e.workers import WorkerProcess, brief
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

JOBS = 14


@dataclass(frozen=True, slots=True)
class Outcome:
    """How jobs ended, and how often the model was asked for each."""

    ends: Counter[str]
    calls_of: Counter[int]


@pytest.fixture
def way(upstream: Upstream) -> Iterator[TcpProxy]:
    """The worker's way to the upstream."""
    with TcpProxy(urlsplit(upstream.places.url).port or 0) as way:
        yield way


@pytest.fixture
def distant(
    environment: dict[str, str], upstream: Upstream, way: TcpProxy, tmp_path: Path
) -> dict[str, str]:
    """The environment of a worker that reaches the upstream on this way."""
    config = tmp_path / "distant.toml"
    places = replace(upstream.places, url=f"http://127.0.0.1:{way.port}")
    config.write_text(gateway_toml(places, keepalive_s=15))
    return environment | {"GATEWAY_CONFIG": str(config), "WORKER_LEASE_S": "5"}


def failures(worker: WorkerProcess) -> int:
    """Return how many attempts have failed."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in worker.log.splitlines() if line.startswith("{")
    ]
    return sum(line.get("event") == "upstream_failed" for line in lines)


def calls_of(upstream: Upstream, tag: str) -> int:
    return len(upstream.requests(tag))


def test_jobs_outlast_an_upstream_that_is_away(
    gateway: Gateway, upstream: Upstream, way: TcpProxy, distant: dict[str, str], tmp_path: Path
) -> None:
    way.refuse()
    tags = [f"patient {number}" for number in range(JOBS)]
    with brief(distant, tmp_path) as worker:
        ids = [queued(gateway, Script(say="hello", tag=tag)) for tag in tags]
        until(lambda: failures(worker) > JOBS * MAX_ATTEMPTS, "more failures than a caller's")
        way.open()
        ends = Counter(ended(gateway, response_id)["status"] for response_id in ids)
    outcome = Outcome(ends, Counter(calls_of(upstream, tag) for tag in tags))
    assert outcome == Outcome(Counter(completed=JOBS), Counter({1: JOBS}))


def test_a_job_that_was_parked_is_taken_again(
    gateway: Gateway, upstream: Upstream, way: TcpProxy, distant: dict[str, str], tmp_path: Path
) -> None:
    way.refuse()
    with brief(distant, tmp_path) as worker:
        response_id = queued(gateway, Script(say="hello", tag="patient parked"))
        until(lambda: "job_parked" in worker.log, "it to be parked")
        way.open()
        until(lambda: shown(gateway, response_id)["status"] == "completed", "it to be taken again")
    assert calls_of(upstream, "patient parked") == 1


def test_a_job_that_waits_for_its_upstream_goes_back_at_once(
    gateway: Gateway, upstream: Upstream, way: TcpProxy, distant: dict[str, str], tmp_path: Path
) -> None:
    way.refuse()
    with brief(distant, tmp_path) as worker:
        response_id = queued(gateway, Script(say="hello", tag="patient drained"))
        until(lambda: failures(worker) > MAX_ATTEMPTS, "it to wait")
        worker.parent.terminate()
        worker.parent.wait()
        drained = shown(gateway, response_id)["status"]
        way.open()
        with brief(distant, tmp_path):
            assert (drained, ended(gateway, response_id)["status"]) == ("in_progress", "completed")
    assert calls_of(upstream, "patient drained") == 1


def test_a_job_that_waits_for_its_upstream_can_be_cancelled(
    gateway: Gateway, upstream: Upstream, way: TcpProxy, distant: dict[str, str], tmp_path: Path
) -> None:
    way.refuse()
    with brief(distant, tmp_path) as worker:
        response_id = queued(gateway, Script(say="hello", tag="patient cancelled"))
        until(lambda: failures(worker) > 1, "it to wait")
        cancelled = cancel(gateway, response_id)["status"]
        way.open()
        after = queued(gateway, Script(say="hello", tag="patient after"))
        assert (cancelled, ended(gateway, after)["status"]) == ("cancelled", "completed")
    assert calls_of(upstream, "patient cancelled") == 0
