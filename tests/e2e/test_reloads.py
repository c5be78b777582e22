"""A reload or a successor cuts no answer, and what cannot be used changes nothing (A8, P4)."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import psutil
import pytest

from app.cli.common.processes import METRICS_PREFIX
from tests.e2e.gateway import DEFAULT_FIRST
from tests.e2e.stops import (
    GRACE_S,
    OpenRequest,
    Site,
    answers,
    assert_ended_in_order,
    assert_kept,
    is_refused,
    load,
    release,
)
from tests.processes import PATIENCE_S, has_children, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script


@pytest.mark.parametrize("running", DEFAULT_FIRST, indirect=True)
def test_a_reload_ends_no_answer(running: Site, upstream: Upstream) -> None:
    name = f"hup {running.gateway.url[-5:]}"
    before = running.workers()
    started = load(running, upstream, name)
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
    assert OpenRequest(running.gateway, long, stream=True).start().end().status == 200
    assert before <= running.workers()
    overrules = running.gateway.logged(event="environment_overrules_file")
    assert overrules["names"] == ["REDIS_URL"]
    assert {"fresh"} <= running.models()
    for kind in started:
        upstream.release(f"{name} {kind}")
    for each in started.values():
        each.end()
        assert each.status == 200
    assert started["speaking"].last["type"] == "response.completed"
    assert started["thinking"].last["type"] == "response.completed"
    until(lambda: not running.workers() & before, "the old workers to end")
    assert running.gauge("gateway_config_last_reload_successful") == 1


@pytest.mark.parametrize("running", ["gevent"], indirect=True)
def test_reloads_without_end_cut_nothing_and_come_to_serve(running: Site) -> None:
    text, over = running.config.read_text(), threading.Event()
    answers: list[OpenRequest] = []

    def ask() -> None:
        script = Script(events=8, interval_s=0.05)
        while not over.is_set():
            answers.append(OpenRequest(running.gateway, script, stream=True).start().end())

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for each in callers:
        each.start()
    try:
        _reload_without_end(running, text)
    finally:
        over.set()
        for each in callers:
            each.join()
    assert len(answers) > len(callers)
    assert {each.last["type"] for each in answers} == {"response.completed"}
    assert running.gauge("gateway_config_last_reload_successful") == 1
    _assert_counted(running, len(answers))


def _assert_counted(running: Site, count: int) -> None:
    """Check that workers that have ended count on, and left no file of their own each."""
    (folder,) = Path(gettempdir()).glob(f"{METRICS_PREFIX}{running.process.pid}-*")
    labels = 'endpoint="/v1/responses",method="POST",model="steady",status="200"'

    def is_joined() -> bool:
        assert running.gauge(f"gateway_requests_total{{{labels}}}") == count
        owners = {file.stem.rpartition("_")[2] for file in folder.glob("counter_*.db")}
        workers = running.workers()
        return len(workers) == 1 and owners == {"together", *map(str, workers)}

    until(is_joined, "the old workers to end, and their files to be joined")


def _reload_without_end(running: Site, text: str) -> None:
    """Have it reload good files and broken ones, and return once it serves the last."""
    pause = threading.Event()
    for number in range(6):  # far faster than a process starts
        running.config.write_text(f'{text}\n[models."m{number}"]\nprovider = "chat"\n')
        running.signal(signal.SIGHUP)
        pause.wait(0.2)
        running.config.write_text(text[: text.index("base_url") + 10])
        running.signal(signal.SIGHUP)
        pause.wait(0.2)
        assert len(running.workers()) <= 3  # who serves, who starts, and who finishes
    running.config.write_text(f'{text}\n[models."last"]\nprovider = "chat"\n')
    running.signal(signal.SIGHUP)
    until(lambda: "last" in running.models(), "the last file to be served")


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


# The master decides, whatever its workers are.
@pytest.mark.parametrize("running", ["gevent"], indirect=True)
def test_a_broken_file_leaves_the_old_one_serving(running: Site, upstream: Upstream) -> None:
    name = f"broken {running.gateway.url[-5:]}"
    started = load(running, upstream, name)
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
    for kind in started:
        upstream.release(f"{name} {kind}")
    assert {each.end().status for each in started.values()} == {200}
    # One that is started now goes by the last good file, too.
    (worker,) = before
    os.kill(worker, signal.SIGKILL)
    until(lambda: running.workers().isdisjoint(before), "another worker")
    until(lambda: answers(running), "that one to answer")
    assert "swift" in running.models()
    running.config.write_text(text)
    running.signal(signal.SIGHUP)
    until(lambda: running.gauge("gateway_config_last_reload_successful") == 1, "a good reload")
    assert running.gauge("gateway_config_last_reload_timestamp_seconds") > loaded_at


def refusals(site: Site) -> list[dict[str, Any]]:
    """Return what was said of files that could not be used."""
    return site.gateway.log_lines(event="config_reload_failed")


@pytest.mark.parametrize(
    ("running", "ending"),
    [
        ("gevent", "TERM"),
        pytest.param("gthread", "TERM", marks=pytest.mark.thorough),
        pytest.param("gevent", "QUIT", marks=pytest.mark.thorough),
        ("gevent", "WINCH"),
    ],
    indirect=["running"],
)
def test_a_successor_takes_over(running: Site, upstream: Upstream, ending: str) -> None:
    name = f"usr2 {ending} {running.gateway.url[-5:]}"
    started = load(running, upstream, name)
    old = running.workers()
    running.signal(signal.SIGUSR2)
    until(lambda: bool(successors(running)), "a successor")
    (successor,) = successors(running)
    until(lambda: bool(running.workers(successor)), "its worker")
    until(lambda: running.log.count("Booting worker") == 2, "its worker")
    release(upstream, name)
    started["soon"].end()
    started["soon whole"].end()
    running.signal(signal.Signals[f"SIG{ending}"])
    if ending == "WINCH":
        until(lambda: running.log.count("Handling signal: winch") == 1, "it to be heard")
        for kind in started:
            upstream.release(f"{name} {kind}")
        assert {each.end().status for each in started.values()} == {200}
        until(lambda: not running.workers() & old, "the old workers to end")
        running.signal(signal.SIGTERM)
    else:
        assert_ended_in_order(running, started)
    assert running.process.wait(PATIENCE_S) == 0
    until(lambda: answers(running), "the successor to answer")
    if ending != "WINCH":
        assert_kept(running, started)
    os.kill(successor, signal.SIGTERM)
    until(lambda: is_refused(running), "the successor to end")


def successors(site: Site) -> set[int]:
    """Return the masters that the master has started."""
    return {each.pid for each in psutil.Process(site.process.pid).children() if has_children(each)}
