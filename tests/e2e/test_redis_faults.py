"""Redis fails in every way that there is, under load: what was accepted runs to its end, once.

Nobody restarts anything in between: all faults befall one web and one worker, in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.faulty_redis import FaultyRedis
from tests.e2e.gateway import Keys
from tests.e2e.redis_fault_table import (
    FAULTS,
    Fault,
    Figures,
    Load,
    Row,
    Table,
    Ways,
    figures,
)
from tests.e2e.tcp_proxy import TcpProxy
from tests.e2e.workers import WorkerProcess, working
from tests.upstream.client import Upstream

#: All faults happen in one fixture.
pytestmark = pytest.mark.timeout(300)

HASTY = "\n[redis]\ntimeout_s = 1.0\nconnect_timeout_s = 0.5\n[background]\ngrace_s = 0.5\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all of it."""

    rows: dict[str, Row]
    figures: Figures
    worker: WorkerProcess
    children: tuple[int, int]


@pytest.fixture(scope="module")
def outcome(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Have every fault, one after the other, beside a load."""
    directory = tmp_path_factory.mktemp("redis-faults")
    config = directory / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15) + HASTY)
    with (
        FaultyRedis(directory) as redis,
        TcpProxy(redis.port) as to_web,
        TcpProxy(redis.port) as to_worker,
    ):
        env, worker_env = (
            gateways.environment(
                f"redis://127.0.0.1:{proxy.port}/0",
                config,
                UPSTREAM_KEY=UPSTREAM_KEY,
                WORKER_LEASE_S="2",
            )
            for proxy in (to_web, to_worker)
        )
        keys = Keys(gateways.make_key("acme", env), "")
        with (
            gateways.running(env, keys, directory, "gevent", 1) as gateway,
            working(worker_env, directory) as worker,
        ):
            table = Table(gateway, upstream, Ways(redis, to_web, to_worker))
            before = worker.child.pid
            with Load(gateway) as load:
                rows = {fault.name: table.row(fault) for fault in FAULTS}
            result = figures(gateway, upstream, load)
            print(result)  # noqa: T201 - the figures are what is asked for
            yield Outcome(rows, result, worker, (before, worker.child.pid))
            worker.kill()


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.name)
def fault(request: pytest.FixtureRequest) -> Fault:
    """Each fault in turn."""
    of_table: Fault = request.param
    return of_table


def test_a_caller_sees_what_cannot_be_served(outcome: Outcome, fault: Fault) -> None:
    assert outcome.rows[fault.name].sees == fault.sees


def test_every_job_that_was_accepted_runs_to_its_end(outcome: Outcome, fault: Fault) -> None:
    ends = outcome.rows[fault.name].ends
    assert ends == dict.fromkeys(ends, ("completed", "one two"))


def test_no_model_is_asked_twice(outcome: Outcome, fault: Fault) -> None:
    sent = outcome.rows[fault.name].calls
    assert sent == dict.fromkeys(sent, 1)


def test_what_was_refused_is_not_run(outcome: Outcome, fault: Fault) -> None:
    refused = outcome.rows[fault.name].refused
    assert refused == dict.fromkeys(refused, 0)


def test_who_follows_a_job_is_told_its_end(outcome: Outcome, fault: Fault) -> None:
    assert outcome.rows[fault.name].followed == "response.completed"


def test_under_load_nothing_is_lost_or_stuck_or_asked_twice(outcome: Outcome) -> None:
    result = outcome.figures
    assert (dict(result.ends), result.called_twice) == ({"completed": result.acknowledged}, 0), (
        result
    )


def test_nothing_had_to_be_restarted(outcome: Outcome) -> None:
    assert outcome.worker.lives
    assert outcome.children[0] == outcome.children[1]
