"""A gateway without file descriptors says that it is busy, blames nobody, and recovers."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.background import ended, queued
from tests.e2e.config import APIS, gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.stops import OpenRequest, Site, site
from tests.e2e.wire import RawCall, post_bytes
from tests.e2e.workers import working
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

LIMIT = 160
CALLERS = 120
#: So many are kept for what is under way, and for callers who are refused.
RESERVE = LIMIT // 8
#: So many are run at once.
JOBS = 24
#: So many streams there is room for, once: each takes two.
STREAMS = 40
HELLO = {"model": "steady", "input": "hello"}


@pytest.fixture(params=["gevent", "gthread"])
def running(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
) -> Iterator[Site]:
    upstream.reset()
    toml = gateway_toml(upstream.places, keepalive_s=15, grace_s=1)
    limits = (LIMIT // 2, LIMIT)
    kind = request.param
    with site(environment, keys, tmp_path, toml, worker_class=kind, descriptors=limits) as running:
        yield running


def test_a_gateway_without_descriptors_is_busy_and_blames_nobody(
    running: Site, upstream: Upstream
) -> None:
    (worker,) = running.workers()
    # Raised from the soft limit that it was started with.
    assert resource.prlimit(worker, resource.RLIMIT_NOFILE) == (LIMIT, LIMIT)
    name = f"descriptors {running.gateway.url[-5:]}"
    script = Script(tag=name, say=("one ", "two"), stall_after=1)
    requests = [OpenRequest(running.gateway, script, stream=True).start() for _ in range(CALLERS)]
    until(lambda: sum(each.status == 503 for each in requests) >= CALLERS // 4, "refusals")
    assert running.gateway.call("GET", "/healthz", key=None).status_code == 200
    upstream.release(name)
    for each in requests:
        each.end()
    assert {(each.status, each.fault) for each in requests} == {(200, ""), (503, "")}
    for each in requests:
        if each.status == 200:
            assert each.last["type"] == "response.completed"
        else:
            assert json.loads(each.body)["error"]["code"] == "overloaded"
            assert each.headers["retry-after"] == "1"
    assert_blameless(running)


def test_who_comes_once_streams_have_taken_everything_is_refused(
    running: Site, upstream: Upstream
) -> None:
    place = urlsplit(running.gateway.url)
    process = psutil.Process(running.workers().pop())
    script = Script(tag=f"taken {running.gateway.url[-5:]}", say=("one ", "two"), stall_after=1)
    body = {"model": "steady", "input": script.text(), "stream": True}
    request = post_bytes("/v1/responses", running.gateway.keys.own, body)
    with contextlib.ExitStack() as stack:

        def connected() -> socket.socket:
            caller = socket.create_connection((place.hostname, place.port), PATIENCE_S)
            name = caller.getsockname()
            until(lambda: name in peers(process), "a caller to be let in")
            return stack.enter_context(caller)

        streams = []
        while process.num_fds() < LIMIT - 2 * RESERVE:
            streams.append(RawCall(running.gateway.url, request, connected()))
            assert streams[-1].head()[0] == 200
        # Now as many as do not touch the reserve connect, and then each asks for an upstream.
        waiting = [connected() for _ in range(LIMIT - RESERVE - process.num_fds())]
        streams += [RawCall(running.gateway.url, request, each) for each in waiting]
        refused = [call for call in streams if call.head()[0] != 200]
        assert {result(call) for call in refused} == {(503, "overloaded")}
        late = RawCall(running.gateway.url, request)
        stack.callback(late.close)
        assert late.head()[0] in (200, 503)  # in time: there may be room by now
        upstream.release(script.tag)
        for call in streams:
            assert call in refused or b"response.completed" in call.body()
    assert_blameless(running)


def answers(running: Site, what: str) -> None:
    """Wait until somebody who asks is answered; until then they are refused."""

    def is_answered() -> bool:
        answer = running.gateway.call("POST", "/v1/responses", HELLO)
        assert answer.status_code in (200, 503)
        return answer.status_code == 200

    until(is_answered, what)


def test_idle_connections_leave_descriptors_to_who_asks(running: Site) -> None:
    place = urlsplit(running.gateway.url)
    (worker,) = running.workers()
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection((place.hostname, place.port), PATIENCE_S))
            for _ in range(2 * LIMIT)
        ]
        answers(running, "an answer while so many ask for nothing")
        assert psutil.Process(worker).num_fds() <= LIMIT
        request = post_bytes("/v1/responses", running.gateway.keys.own, HELLO)
        late = [RawCall(running.gateway.url, request, each) for each in idle]
        results = {result(each) for each in late}
    # On a slow machine all have asked before the first is heard, and none has room for an upstream;
    # or Redis takes too long for some of so many at once.
    served = {(200, None), (503, "storage_unavailable")}
    assert (503, "overloaded") in results <= served | {(503, "overloaded")}
    answers(running, "an answer once there is room")
    assert_blameless(running)


def test_connections_that_idle_to_one_provider_leave_descriptors_to_others(
    running: Site, upstream: Upstream
) -> None:
    process = psutil.Process(running.workers().pop())
    at_rest = process.num_fds()  # and as many as are reserved may be connections to Redis
    for provider in APIS:
        until(lambda: process.num_fds() <= at_rest + RESERVE + STREAMS, "callers to be gone")
        tag = f"idle {provider} {running.gateway.url[-5:]}"
        script = Script(tag=tag, say=("one ", "two"), stall_after=1)
        body = {"model": f"{provider}/steady", "input": script.text(), "stream": True}
        request = post_bytes("/v1/responses", running.gateway.keys.own, body)
        with contextlib.ExitStack() as stack:
            calls = [RawCall(running.gateway.url, request) for _ in range(STREAMS)]
            for call in calls:
                stack.callback(call.close)
            assert {call.head()[0] for call in calls} == {200}
            upstream.release(tag)
            assert all(b"response.completed" in call.body() for call in calls)
    assert_blameless(running)


def test_jobs_for_which_a_worker_has_no_descriptor_wait_for_one(
    environment: dict[str, str], gateway: Gateway, upstream: Upstream, tmp_path: Path
) -> None:
    script = Script(tag="jobs without descriptors", say=("one ", "two"), stall_after=1)
    with working(environment, tmp_path) as worker:
        most = worker.child.num_fds() + JOBS // 2
        resource.prlimit(worker.child.pid, resource.RLIMIT_NOFILE, (most, most))
        ids = [queued(gateway, script) for _ in range(JOBS)]
        until(lambda: "descriptors_exhausted" in worker.log, "a lack of them")
        upstream.release(script.tag)
        ends = [ended(gateway, each) for each in ids]
        assert [each["status"] for each in ends] == ["completed"] * JOBS
    assert len(upstream.requests(script.tag)) == JOBS


def peers(process: psutil.Process) -> set[tuple[object, ...]]:
    """Return the addresses at the other ends of a process's connections."""
    return {tuple(each.raddr) for each in process.net_connections("tcp")}


def result(call: RawCall) -> tuple[int, str | None]:
    """Return the status, and the code of the error if it is one."""
    status, _ = call.head()
    return status, (json.loads(call.whole()).get("error") or {}).get("code")


def assert_blameless(running: Site) -> None:
    """Hold what is left of a shortage to: a line now and then, and nothing else."""
    checks = running.gateway.call("GET", "/readyz", key=None).json()["checks"]
    assert set(checks["upstreams"].values()) == {"ok"}
    assert checks["store"] == "ok"
    assert running.gateway.log_lines(event="breaker_changed") == []
    assert running.gateway.log_lines(event="unexpected_error") == []
    assert [each for each in running.gateway.log_lines() if "frames" in each] == []
    assert "Traceback" not in running.log
    shortage = running.gateway.log_lines(event="descriptors_exhausted")
    assert len(shortage) <= 6
