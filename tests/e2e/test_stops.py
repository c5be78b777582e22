"""A stop cuts no answer without a word: streams end as they must, all is kept and counted (A8)."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys, running_worker
from tests.e2e.stops import GRACE_S, PATIENCE_S, Asked, Site, site
from tests.e2e.wire import raw_get
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

RESTARTING = "the gateway is being restarted"


@pytest.fixture(params=["gevent", "gthread"])
def running(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
) -> Iterator[Site]:
    upstream.reset()
    toml = gateway_toml(upstream.places, keepalive_s=15, grace_s=GRACE_S)
    with site(environment, keys, tmp_path, toml, worker_class=request.param) as running:
        yield running


def load(site: Site, upstream: Upstream, name: str) -> dict[str, Asked]:
    """Have answers of every kind under way: two that end soon, the others never by themselves."""
    scripts = {
        "soon": (Script(tag=f"{name} soon", say=("one ", "two"), stall_after=1), True),
        "soon whole": (Script(tag=f"{name} soon whole", say="hello", stall_after=0), False),
        "speaking": (Script(tag=f"{name} speaking", say=("one ", "two"), stall_after=1), True),
        "thinking": (Script(tag=f"{name} thinking", reasoning="hm", stall_after=1), True),
        "whole": (Script(tag=f"{name} whole", say="hello", stall_after=-1), False),
    }
    asked = {
        kind: Asked(site.gateway, script, stream).start()
        for kind, (script, stream) in scripts.items()
    }
    for script, _ in scripts.values():
        upstream.wait(script.tag, "stalled")
    return asked


def release(upstream: Upstream, name: str) -> None:
    for kind in ("soon", "soon whole"):
        upstream.release(f"{name} {kind}")


def is_refused(site: Site) -> bool:
    place = urlsplit(site.gateway.url)
    try:
        socket.create_connection((place.hostname, place.port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def assert_ended_in_order(site: Site, asked: dict[str, Asked], url: str = "") -> None:
    """Hold what callers saw of a load that was stopped to the contract, and what is kept of it."""
    for each in asked.values():
        each.end()
    assert asked["soon"].last["type"] == "response.completed"
    assert asked["soon whole"].status == 200
    for kind in ("speaking", "thinking"):
        last = asked[kind].last
        assert (last["type"], last["response"]["error"]["code"]) == (
            "response.failed",
            "server_error",
        )
        assert RESTARTING in last["response"]["error"]["message"]
        assert b"event: error" in asked[kind].body
    whole = asked["whole"]
    assert (whole.status, whole.headers["x-should-retry"]) == (503, "false")
    error = json.loads(whole.body)["error"]
    assert error["type"] == "server_error"
    assert RESTARTING in error["message"]


def assert_kept(site: Site, asked: dict[str, Asked]) -> None:
    """Hold what can be fetched afterwards to what was said."""
    for kind in ("soon", "speaking", "thinking"):
        told = asked[kind].last["response"]
        kept = site.gateway.get(told["id"])
        assert kept.status_code == 200, kept.text
        assert kept.json() == told
    assert asked["speaking"].last["response"]["output_text"] == "one "


def test_a_stop_gives_answers_their_time_and_then_ends_them(
    running: Site, upstream: Upstream, gateway: Gateway
) -> None:
    name = f"term {running.gateway.url[-5:]}"
    asked = load(running, upstream, name)
    with raw_get(running.gateway.url, running.gateway.keys.own, "/v1/models") as idle:
        assert idle.head()[0] == 200
        idle.whole()
        running.signal(signal.SIGTERM)
        assert idle.is_closed()
    until(lambda: is_refused(running), "nothing new to be taken")
    release(upstream, name)
    assert_ended_in_order(running, asked)
    assert running.process.wait(PATIENCE_S) == 0
    assert_kept(replace(running, gateway=gateway), asked)
    lines = running.gateway.log_lines(event="request", outcome="failed")
    assert len(lines) == 3
    assert "Traceback" not in running.log


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


def test_a_reload_ends_no_answer(running: Site, upstream: Upstream) -> None:
    name = f"hup {running.gateway.url[-5:]}"
    before = running.workers()
    asked = load(running, upstream, name)
    assert "fresh" not in running.models()
    running.config.write_text(
        running.config.read_text()
        + '\n[models."fresh"]\nprovider = "chat"\n[redis]\nurl = "redis://127.0.0.1:9/0"\n'
    )
    running.signal(signal.SIGHUP)
    until(lambda: "fresh" in running.models(), "the new settings to be served")
    until(lambda: len(running.workers() - before) == 1, "a new worker")
    # It takes longer than a stop would leave the others, which is what this is about.
    long = Script(events=8, interval_s=GRACE_S / 6)
    assert Asked(running.gateway, long, stream=True).start().end().status == 200
    assert before <= running.workers()
    overrules = running.gateway.logged(event="environment_overrules_file")
    assert overrules["names"] == ["REDIS_URL"]
    assert {"fresh"} <= running.models()
    for kind in asked:
        upstream.release(f"{name} {kind}")
    for each in asked.values():
        each.end()
        assert each.status == 200
    assert asked["speaking"].last["type"] == "response.completed"
    assert asked["thinking"].last["type"] == "response.completed"
    until(lambda: not running.workers() & before, "the old workers to end")
    assert running.gauge("gateway_config_last_reload_successful") == 1


BROKEN = {
    "typo": lambda text: text.replace("[requests]", "[requets]"),
    "half": lambda text: text[: text.index("base_url") + 10],
    "empty": lambda _: "",
    "key": lambda text: (
        text + '\n[providers.x]\napi = "responses"\n'
        'base_url = "http://127.0.0.1:9/v1"\napi_key_file = "gone"\n'
    ),
    "gone": None,
}


def test_a_broken_file_leaves_the_old_one_serving(running: Site, upstream: Upstream) -> None:
    name = f"broken {running.gateway.url[-5:]}"
    asked = load(running, upstream, name)
    text, before = running.config.read_text(), running.workers()
    loaded_at = running.gauge("gateway_config_last_reload_timestamp_seconds")
    for count, damage in enumerate(BROKEN.values(), 1):
        running.config.unlink()
        if damage is not None:
            running.config.write_text(damage(text))
        running.signal(signal.SIGHUP)
        until(
            lambda count=count: len(refusals(running)) == count,  # type: ignore[misc]
            "the reason",
        )
        assert running.gauge("gateway_config_last_reload_successful") == 0
        assert running.workers() == before
    reasons = [str(each["reason"]) for each in refusals(running)]
    assert reasons[0] == "requets is not a setting (did you mean requests?)"
    assert "names a file that cannot be read: No such file" in reasons[3]
    assert refusals(running)[0]["line"] == 1
    assert {each["file"] for each in refusals(running)} == {str(running.config)}
    assert running.gauge("gateway_config_last_reload_timestamp_seconds") == loaded_at
    for kind in asked:
        upstream.release(f"{name} {kind}")
    assert {each.end().status for each in asked.values()} == {200}
    # One that is started now goes by the last good file, too.
    (worker,) = before
    os.kill(worker, signal.SIGKILL)
    until(lambda: running.workers().isdisjoint(before), "another worker")
    until(lambda: _answers(running), "that one to answer")
    assert "swift" in running.models()
    running.config.write_text(text)
    running.signal(signal.SIGHUP)
    until(lambda: running.gauge("gateway_config_last_reload_successful") == 1, "a good reload")
    assert running.gauge("gateway_config_last_reload_timestamp_seconds") > loaded_at


def refusals(site: Site) -> list[dict[str, Any]]:
    """Return what was said of files that could not be used."""
    return site.gateway.log_lines(event="config_reload_failed")


def _answers(site: Site) -> bool:
    try:
        return site.gateway.call("GET", "/healthz", key=None).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("running", "ending"),
    [("gevent", "TERM"), ("gthread", "TERM"), ("gevent", "QUIT"), ("gevent", "WINCH")],
    indirect=["running"],
)
def test_a_successor_takes_over(running: Site, upstream: Upstream, ending: str) -> None:
    name = f"usr2 {ending} {running.gateway.url[-5:]}"
    asked = load(running, upstream, name)
    old = running.workers()
    running.signal(signal.SIGUSR2)
    until(lambda: bool(successors(running)), "a successor")
    (successor,) = successors(running)
    until(lambda: bool(running.workers(successor)), "its worker")
    until(lambda: running.log.count("Booting worker") == 2, "its worker")
    release(upstream, name)
    asked["soon"].end()
    asked["soon whole"].end()
    running.signal(signal.Signals[f"SIG{ending}"])
    if ending == "WINCH":
        until(lambda: running.log.count("Handling signal: winch") == 1, "it to be heard")
        for kind in asked:
            upstream.release(f"{name} {kind}")
        assert {each.end().status for each in asked.values()} == {200}
        until(lambda: not running.workers() & old, "the old workers to end")
        running.signal(signal.SIGTERM)
    else:
        assert_ended_in_order(running, asked)
    assert running.process.wait(PATIENCE_S) == 0
    until(lambda: _answers(running), "the successor to answer")
    if ending != "WINCH":
        assert_kept(running, asked)
    os.kill(successor, signal.SIGTERM)
    until(lambda: is_refused(running), "the successor to end")


def successors(site: Site) -> set[int]:
    """Return the masters that the master has started."""
    return {
        each.pid
        for each in psutil.Process(site.process.pid).children()
        if each.status() != psutil.STATUS_ZOMBIE and each.children()
    }


def test_workers_whose_master_was_killed_end_in_order(
    running: Site, upstream: Upstream, gateway: Gateway
) -> None:
    name = f"kill {running.gateway.url[-5:]}"
    asked = load(running, upstream, name)
    workers = running.workers()
    running.process.kill()
    running.process.wait()
    until(lambda: is_refused(running), "nothing new to be taken")
    release(upstream, name)
    assert_ended_in_order(running, asked)
    assert_kept(replace(running, gateway=gateway), asked)
    until(lambda: not any(map(psutil.pid_exists, workers)), "the workers to end")
