"""Background responses when processes die, must end, or lose Redis: none is lost, none is stuck."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import gateway as gateways
from tests.e2e.background import cancel, checked, ended, events_of, following, queued, shown, spoken
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.workers import brief
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

LEASE_S = "1"


@pytest.fixture(scope="module")
def hasty(environment: dict[str, str], upstream: Upstream, directory: Path) -> dict[str, str]:
    """The environment of workers that are soon known for lost, and have little grace."""
    config = directory / "hasty.toml"
    config.write_text(
        gateway_toml(upstream.places, keepalive_s=15)
        + "\n[background]\ndrain_s = 0.5\ngrace_s = 0.5\n"
    )
    return environment | {"GATEWAY_CONFIG": str(config), "WORKER_LEASE_S": LEASE_S}


@pytest.fixture(scope="module")
def limited(hasty: dict[str, str], directory: Path) -> dict[str, str]:
    """The environment of such workers that let no job run for more than three seconds."""
    config = directory / "limited.toml"
    config.write_text(Path(hasty["GATEWAY_CONFIG"]).read_text() + "time_limit_s = 3\n")
    return hasty | {"GATEWAY_CONFIG": str(config)}


@pytest.fixture(scope="module")
def patient(environment: dict[str, str]) -> dict[str, str]:
    """The environment of workers that are soon known for lost, and have the usual grace."""
    return environment | {"WORKER_LEASE_S": LEASE_S}


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A name for what this test has the upstream do."""
    return str(request.node.nodeid)


def halted(tag: str) -> Script:
    """Return a script that says "one ", then waits for its release to say "two"."""
    return Script(say=("one ", "two"), stall_after=1, tag=tag)


def silent(tag: str) -> Script:
    """Return a script that says nothing before its release."""
    return Script(say=("one ", "two"), stall_after=-1, tag=tag)


def followed(gateway: Gateway, response_id: str, pool: ThreadPoolExecutor) -> Future[Any]:
    """Follow a response from now on; the future has its events."""
    return pool.submit(events_of, gateway, response_id)


# Killed


def test_a_job_whose_worker_is_killed_before_it_spoke_runs_again(
    gateway: Gateway, upstream: Upstream, patient: dict[str, str], tmp_path: Path, tag: str
) -> None:
    response_id = queued(gateway, silent(tag))
    with ThreadPoolExecutor() as pool:
        following = followed(gateway, response_id, pool)
        with brief(patient, tmp_path) as worker:
            upstream.wait(tag, "stalled")
            worker.kill()
        with brief(patient, tmp_path):
            upstream.wait(tag, "arrived", count=2)
            upstream.release(tag)
            response = ended(gateway, response_id)
        events = following.result()
    assert (response["status"], response["output_text"]) == ("completed", "one two")
    assert events_of(gateway, response_id) == events
    assert events[-1]["response"] == response


def test_a_job_whose_worker_is_killed_after_it_spoke_ends_failed(
    gateway: Gateway, upstream: Upstream, patient: dict[str, str], tmp_path: Path, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    with ThreadPoolExecutor() as pool:
        following = followed(gateway, response_id, pool)
        with brief(patient, tmp_path) as worker:
            spoken(gateway, response_id, "one ")
            worker.kill()
        with brief(patient, tmp_path):
            response = ended(gateway, response_id)
        events = following.result()
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert (response["output_text"], len(upstream.requests(tag))) == ("one ", 1)
    assert events_of(gateway, response_id) == events
    assert events[-1]["response"] == response


def test_a_job_whose_worker_is_killed_is_cancelled_without_one(
    gateway: Gateway, patient: dict[str, str], tmp_path: Path, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    with brief(patient, tmp_path) as worker:
        spoken(gateway, response_id, "one ")
        worker.kill()
    response = cancel(gateway, response_id)
    assert (response["status"], response["output_text"]) == ("cancelled", "one ")
    assert events_of(gateway, response_id)[-1]["response"] == response


def test_a_worker_whose_parent_is_killed_ends_too(
    gateway: Gateway,
    upstream: Upstream,
    environment: dict[str, str],
    hasty: dict[str, str],
    tmp_path: Path,
    tag: str,
) -> None:
    response_id = queued(gateway, silent(tag))
    with brief(hasty, tmp_path) as worker:
        upstream.wait(tag, "stalled")
        child = worker.child
        worker.parent.kill()
        child.wait()
    with brief(environment, tmp_path):  # with the usual lease: nothing has to run out
        upstream.wait(tag, "arrived", count=2)
        upstream.release(tag)
        assert ended(gateway, response_id)["status"] == "completed"


# Asked to end


def test_a_worker_that_is_asked_to_end_has_its_grace(
    gateway: Gateway, upstream: Upstream, patient: dict[str, str], tmp_path: Path, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    with brief(patient, tmp_path) as worker:
        spoken(gateway, response_id, "one ")
        worker.ask_group()
        until(lambda: "worker_draining" in worker.log, "the worker to hear it")
        upstream.release(tag)
        assert worker.parent.wait() == 0
    assert shown(gateway, response_id)["output_text"] == "one two"


@pytest.fixture
def stopped(
    gateway: Gateway, upstream: Upstream, hasty: dict[str, str], tmp_path: Path, tag: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Two responses, one of which had spoken, after their worker had to end before them."""
    said = queued(gateway, halted(tag))
    unsaid = queued(gateway, silent(tag + "unsaid"))
    with brief(hasty, tmp_path) as worker:
        spoken(gateway, said, "one ")
        upstream.wait(tag + "unsaid", "stalled")
        worker.parent.send_signal(signal.SIGTERM)
        assert worker.parent.wait() == 0
    yield said, unsaid, shown(gateway, unsaid)
    cancel(gateway, unsaid)


def test_what_had_spoken_ends_with_the_grace_of_its_worker(
    gateway: Gateway, stopped: tuple[str, str, dict[str, Any]]
) -> None:
    response = shown(gateway, stopped[0])
    assert (response["status"], response["output_text"]) == ("failed", "one ")
    assert events_of(gateway, stopped[0])[-1]["response"] == response


def test_what_had_not_spoken_is_the_next_workers_at_once(
    gateway: Gateway,
    upstream: Upstream,
    environment: dict[str, str],
    tmp_path: Path,
    tag: str,
    stopped: tuple[str, str, dict[str, Any]],
) -> None:
    _, unsaid, before = stopped
    assert before["output"] == []
    upstream.wait(tag + "unsaid", "aborted")
    upstream.release(tag + "unsaid")
    with brief(environment, tmp_path):  # with the usual lease: nothing has to run out
        assert ended(gateway, unsaid)["status"] == "completed"


# Before a worker comes


def test_what_is_cancelled_while_it_waits_never_reaches_the_upstream(
    gateway: Gateway, upstream: Upstream, patient: dict[str, str], tmp_path: Path, tag: str
) -> None:
    first, second = (queued(gateway, Script(tag=tag + name)) for name in ("first", "second"))
    response = cancel(gateway, first)
    assert (response["status"], response["output"]) == ("cancelled", [])
    assert events_of(gateway, first)[-1]["response"] == response
    with brief(patient, tmp_path):
        ended(gateway, second)
    assert upstream.requests(tag + "first") == []
    assert shown(gateway, first) == response


def test_what_waits_is_dropped_once_its_key_is_closed(
    gateway: Gateway,
    upstream: Upstream,
    environment: dict[str, str],
    patient: dict[str, str],
    tmp_path: Path,
    tag: str,
) -> None:
    closed = gateways.keys(environment, "create", "--account", "acme")
    body = {"model": "steady", "input": Script(tag=tag).text(), "background": True}
    response_id = gateway.call("POST", "/v1/responses", body, key=closed["key"]).json()["id"]
    gateways.keys(environment, "deactivate", closed["id"])
    with brief(patient, tmp_path):
        assert ended(gateway, response_id)["status"] == "cancelled"
    assert upstream.requests(tag) == []


def test_what_takes_too_long_ends_failed(
    gateway: Gateway, upstream: Upstream, limited: dict[str, str], tmp_path: Path, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    with brief(limited, tmp_path):
        response = ended(gateway, response_id)
        upstream.wait(tag, "aborted")
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert "limit of 3 s" in response["error"]["message"]
    assert response["output_text"] == "one "


# Redis


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[MortalRedis]:
    """A Redis that keeps what it is told, and may be killed."""
    with MortalRedis(tmp_path) as server:
        server.start()
        yield server


def test_redis_may_be_killed_while_jobs_wait_and_run(
    mortal: MortalRedis,
    environment: dict[str, str],
    upstream: Upstream,
    tmp_path: Path,
    tag: str,
) -> None:
    env = environment | {"REDIS_URL": mortal.url, "WORKER_CONCURRENCY": "1"}
    keys = Keys(gateways.make_key("acme", env), "")
    with gateways.running(env, keys, tmp_path, "gevent", 1) as gateway:
        runs, waits = queued(gateway, halted(tag)), queued(gateway, Script(tag=tag + "waits"))
        assert _worker_of(gateway) == "missing"
        with brief(env, tmp_path), following(gateway, runs) as call:
            call.event("response.output_text.delta")
            until(lambda: _worker_of(gateway) == "ok", "the worker to be heard")
            mortal.kill()
            upstream.release(tag)
            mortal.start()
            events = checked(call.body())
            assert ended(gateway, waits)["status"] == "completed"
    assert events[-1]["response"]["output_text"] == "one two"
    assert len(upstream.requests(tag + "waits")) == 1


def _worker_of(gateway: Gateway) -> str:
    worker: str = gateway.call("GET", "/readyz", key=None).json()["checks"]["worker"]
    return worker
