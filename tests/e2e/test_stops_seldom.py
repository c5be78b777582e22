"""Ends of workers that are rarer than a stop: they cut no answer either (A8, P4)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.stops import GRACE_S, OpenRequest, Site, site
from tests.e2e.wire import get_bytes, post_bytes, raw_get
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

WORKER_CLASSES = ["gevent", "gthread"]


@pytest.fixture
def toml(upstream: Upstream) -> str:
    upstream.reset()
    return gateway_toml(upstream.places, keepalive_s=15, grace_s=GRACE_S)


def speaking(running: Site, upstream: Upstream, tag: str) -> OpenRequest:
    """Have a stream under way that goes on when its tag is released."""
    script = Script(tag=tag, say=("one ", "two"), stall_after=1)
    started = OpenRequest(running.gateway, script, stream=True).start()
    upstream.wait(tag, "stalled")
    return started


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_a_worker_that_has_served_its_share_finishes_and_is_replaced_at_once(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
    toml: str,
    worker_class: str,
) -> None:
    options = ["--max-requests", "8"]
    with site(
        environment, keys, tmp_path, toml, worker_class=worker_class, options=options
    ) as running:
        before = running.workers()
        tag = f"share {worker_class}"
        started = speaking(running, upstream, tag)
        while running.workers() == before:
            assert running.gateway.call("GET", "/healthz", key=None).status_code == 200
        for _ in range(10):  # the new one serves
            assert running.gateway.call("GET", "/healthz", key=None).status_code == 200
        assert before <= running.workers()
        upstream.release(tag)
        assert started.end().last["type"] == "response.completed"
        until(lambda: not before & running.workers(), "the old worker to end")


def test_new_workers_that_cannot_start_leave_the_old_ones_serving(
    environment: dict[str, str], upstream: Upstream, keys: Keys, tmp_path: Path, toml: str
) -> None:
    with site(environment, keys, tmp_path, toml) as running:
        before = running.workers()
        started = speaking(running, upstream, "boot")
        # Only who builds the provider finds out that it cannot be reached like this.
        running.config.write_text(
            toml + '\n[providers.odd]\napi = "responses"\nbase_url = "http://127.0.0.1:9/v1"\n'
            'proxy = "https://127.0.0.1:9"\n'
        )
        running.signal(signal.SIGHUP)
        until(lambda: bool(running.gateway.log_lines(event="config_reload_failed")), "the reason")
        until(lambda: running.workers() == before, "only the old workers to be left")
        assert running.gauge("gateway_config_last_reload_successful") == 0
        upstream.release("boot")
        assert started.end().last["type"] == "response.completed"
        running.config.write_text(toml)
        running.signal(signal.SIGHUP)
        until(lambda: not running.workers() & before, "new workers on the mended file")
        assert running.gauge("gateway_config_last_reload_successful") == 1


def test_a_second_reload_waits_for_the_workers_of_the_first(
    environment: dict[str, str], upstream: Upstream, keys: Keys, tmp_path: Path, toml: str
) -> None:
    with site(environment, keys, tmp_path, toml) as running:
        before = running.workers()
        first = reloaded_and_halted(running)
        running.signal(signal.SIGHUP)
        assert running.workers() == before | {first}
        os.kill(first, signal.SIGCONT)
        until(lambda: running.workers().isdisjoint(before | {first}), "both reloads to be over")


def reloaded_and_halted(running: Site) -> int:
    """Reload; return the worker that this starts, which does not come to serve."""
    before = running.workers()
    running.signal(signal.SIGHUP)
    until(lambda: len(running.workers() - before) == 1, "a new worker")
    (worker,) = running.workers() - before
    os.kill(worker, signal.SIGSTOP)
    return worker


@pytest.mark.parametrize(
    ("worker_class", "hurried"), [("gevent", False), ("gthread", False), ("gevent", True)]
)
def test_a_caller_who_does_not_read_holds_up_no_stop_and_is_kept_as_failed(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
    toml: str,
    worker_class: str,
    hurried: bool,
    gateway: Gateway,
) -> None:
    script = Script(
        tag=f"deaf {worker_class}", say=tuple("x" * 100_000 for _ in range(90)), stall_after=80
    )
    with site(environment, keys, tmp_path, toml, worker_class=worker_class) as running:
        place = urlsplit(running.gateway.url)
        body = {"model": "steady", "input": script.text(), "stream": True}
        with socket.socket() as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.connect((place.hostname, place.port))
            caller.settimeout(PATIENCE_S)
            caller.sendall(post_bytes("/v1/responses", keys.own, body))
            data = b""
            while (found := re.search(rb'"id":"(resp_\w+)"', data)) is None:
                data += caller.recv(4096)
            running.signal(signal.SIGTERM)
            if hurried:
                until(lambda: "signal: term" in running.log, "the stop to begin")
                running.signal(signal.SIGINT)
            assert running.process.wait(PATIENCE_S) == 0
        kept = gateway.get(found[1].decode()).json()
        assert (kept["status"], kept["error"]["code"]) == ("failed", "server_error")


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_a_body_that_does_not_come_holds_up_no_stop(
    environment: dict[str, str], keys: Keys, tmp_path: Path, toml: str, worker_class: str
) -> None:
    with site(environment, keys, tmp_path, toml, worker_class=worker_class) as running:
        place = urlsplit(running.gateway.url)
        with socket.create_connection((place.hostname, place.port), PATIENCE_S) as caller:
            request = post_bytes("/v1/responses", keys.own, {"model": "steady", "input": "hello"})
            caller.sendall(request[:-1])
            running.gateway.call("GET", "/healthz", key=None)
            running.signal(signal.SIGTERM)
            assert caller.recv(1) == b""
            caller.close()
            assert running.process.wait(PATIENCE_S) == 0
        assert "Worker graceful timeout" not in running.log


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_requests_that_came_before_a_stop_are_answered(
    environment: dict[str, str], keys: Keys, tmp_path: Path, toml: str, worker_class: str
) -> None:
    request = get_bytes("/v1/models", keys.own)
    with (
        site(environment, keys, tmp_path, toml, worker_class=worker_class) as running,
        contextlib.ExitStack() as stack,
    ):
        (worker,) = running.workers()
        calls = [
            stack.enter_context(raw_get(running.gateway.url, keys.own, "/v1/models"))
            for _ in range(8)
        ]
        for call in calls:
            call.whole()
        os.kill(worker, signal.SIGSTOP)
        until(lambda: psutil.Process(worker).status() == psutil.STATUS_STOPPED, "it to halt")
        for call in calls:
            call.again(request)
        calls += [
            stack.enter_context(raw_get(running.gateway.url, keys.own, "/v1/models"))
            for _ in range(8)
        ]
        running.signal(signal.SIGTERM)
        until(lambda: is_pending(worker, signal.SIGTERM), "the stop to be given")
        os.kill(worker, signal.SIGCONT)
        assert [call.head()[0] for call in calls] == [200] * len(calls)
        assert running.process.wait(PATIENCE_S) == 0
        assert "unexpected_error" not in running.log


def is_pending(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process has yet to take note of a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (pending,) = [line.split()[1] for line in lines if line.startswith("ShdPnd:")]
    return bool(int(pending, 16) >> (number - 1) & 1)
