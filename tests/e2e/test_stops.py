"""A stop cuts no answer without a word: streams end as they must, all is kept and counted (A8)."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.e2e.gateway import DEFAULT_FIRST, Gateway, running_worker
from tests.e2e.stops import (
    RESTARTING,
    Site,
    assert_ended_in_order,
    assert_kept,
    is_refused,
    load,
    release,
)
from tests.e2e.wire import raw_get
from tests.processes import PATIENCE_S, is_alive, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script


def test_a_stop_gives_answers_their_time_and_then_ends_them(
    running: Site, upstream: Upstream, gateway: Gateway
) -> None:
    name = f"term {running.gateway.url[-5:]}"
    started = load(running, upstream, name)
    with raw_get(running.gateway.url, running.gateway.keys.own, "/v1/models") as idle:
        assert idle.head()[0] == 200
        idle.whole()
        running.signal(signal.SIGTERM)
        until(lambda: is_refused(running), "nothing new to be taken")
        release(upstream, name)
        assert idle.is_closed()
    assert_ended_in_order(running, started)
    assert running.process.wait(PATIENCE_S) == 0
    assert_kept(replace(running, gateway=gateway), started)
    lines = running.gateway.log_lines(event="request", outcome="failed")
    assert len(lines) == 3
    assert "Traceback" not in running.log


@pytest.mark.parametrize("running", DEFAULT_FIRST, indirect=True)
def test_followers_are_sent_elsewhere(
    running: Site, upstream: Upstream, environment: dict[str, str], tmp_path: Path
) -> None:
    name = f"follow {running.gateway.url[-5:]}"
    script = Script(tag=name, say=("one ", "two"), stall_after=1)
    with running_worker(environment, tmp_path / "worker.log"):
        body = {"model": "steady", "input": script.text(), "background": True}
        response_id = running.gateway.call("POST", "/v1/responses", body).json()["id"]
        path = f"/v1/responses/{response_id}"
        own = running.gateway.keys.own
        with (
            raw_get(running.gateway.url, own, f"{path}?stream=true") as follower,
            raw_get(running.gateway.url, own, f"{path}?wait=60") as waiting,
        ):
            delta = follower.event("response.output_text.delta")
            running.signal(signal.SIGTERM)
            error = follower.event("error")
            assert RESTARTING in error["message"]
            assert error["sequence_number"] == delta["sequence_number"]
            assert list(follower.frames) == [b"data: [DONE]"]
            assert waiting.head()[0] == 200
        assert running.process.wait(PATIENCE_S) == 0
        upstream.release(name)


@pytest.mark.parametrize("running", DEFAULT_FIRST, indirect=True)
def test_workers_whose_master_was_killed_end_in_order(
    running: Site, upstream: Upstream, gateway: Gateway
) -> None:
    name = f"kill {running.gateway.url[-5:]}"
    started = load(running, upstream, name)
    workers = [psutil.Process(pid) for pid in running.workers()]
    running.process.kill()
    running.process.wait()
    until(lambda: is_refused(running), "nothing new to be taken")
    release(upstream, name)
    assert_ended_in_order(running, started)
    assert_kept(replace(running, gateway=gateway), started)
    until(lambda: not any(map(is_alive, workers)), "the workers to end")
