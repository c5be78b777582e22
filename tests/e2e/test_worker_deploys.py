"""A worker is stopped, reloaded and lost under load: no job within its own time limit fails.

Its times are scaled down: drain_s is what a deploy allows, grace_s the 25 s that failed what took
longer. Jobs are held by the upstream until the test lets them go on.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.e2e.background import cancel, ended, queued, shown, spoken
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway
from tests.e2e.workers import WorkerProcess, brief, working
from tests.processes import PATIENCE_S, free_port, is_alive, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

JOBS = 4


@dataclass(frozen=True, slots=True)
class Site:
    """Where a worker is deployed."""

    env: dict[str, str]
    config: Path

    def write(self, more: str) -> None:
        """Write gateway.toml anew, with something beside what it always says."""
        self.config.write_text(self.config.read_text().partition("# more")[0] + "# more\n" + more)

    def ask(self, path: str) -> requests.Response:
        """Ask the worker itself."""
        bind = self.env["WORKER_METRICS_BIND"]
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"http://{bind}{path}", timeout=PATIENCE_S)

    def figure(self, name: str) -> float:
        """Return one of its metrics, the sum over its labels."""
        lines = self.ask("/metrics").text.splitlines()
        values = [line.rpartition(" ")[2] for line in lines if line.startswith(name)]
        return sum(map(float, values))


@pytest.fixture
def site(environment: dict[str, str], upstream: Upstream, tmp_path: Path) -> Site:
    config = tmp_path / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    bind = f"127.0.0.1:{free_port()}"
    site = Site(environment | {"GATEWAY_CONFIG": str(config), "WORKER_METRICS_BIND": bind}, config)
    site.write("[background]\ndrain_s = 60\ngrace_s = 0.3\n")
    return site


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[WorkerProcess]:
    with brief(site.env, tmp_path) as worker:
        yield worker


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A name for what this test has the upstream do."""
    return str(request.node.nodeid)


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs under way: some have spoken, some have not."""

    said: list[str]
    unsaid: list[str]
    tag: str

    def release(self, upstream: Upstream) -> None:
        """Let all of them go on."""
        for number in range(JOBS):
            upstream.release(f"{self.tag} said {number}")
            upstream.release(f"{self.tag} unsaid {number}")


@pytest.fixture
def load(gateway: Gateway, upstream: Upstream, worker: WorkerProcess, tag: str) -> Load:
    assert worker.lives
    tags = [f"{tag} said {number}" for number in range(JOBS)]
    said = [queued(gateway, Script(say=("one ", "two"), stall_after=1, tag=each)) for each in tags]
    tags = [f"{tag} unsaid {number}" for number in range(JOBS)]
    unsaid = [
        queued(gateway, Script(say=("one ", "two"), stall_after=-1, tag=each)) for each in tags
    ]
    for each in said:
        spoken(gateway, each, "one ")
    for each in tags:
        upstream.wait(each, "stalled")
    return Load(said, unsaid, tag)


def reload(worker: WorkerProcess) -> psutil.Process:
    """Send SIGHUP; return the fresh process once the one before drains."""
    before = worker.child
    worker.parent.send_signal(signal.SIGHUP)
    until(lambda: worker.child.pid != before.pid, "a fresh process")
    until(lambda: before.pid in pids(worker, "worker_draining"), "a drain")
    return worker.child


def pids(worker: WorkerProcess, event: str) -> list[int]:
    """Return which processes have said so."""
    lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
    return [line["pid"] for line in lines if line["event"] == event]


def gone(process: psutil.Process) -> Callable[[], bool]:
    return lambda: not (process.is_running() and is_alive(process))


def test_a_reload_under_load_fails_no_job_and_takes_new_ones_at_once(
    gateway: Gateway, upstream: Upstream, site: Site, worker: WorkerProcess, load: Load
) -> None:
    before = worker.child
    site.write("[background]\ndrain_s = 60\ngrace_s = 0.4\n")
    reload(worker)
    for number in range(JOBS):  # what had not spoken is asked anew, by the fresh process
        upstream.wait(f"{load.tag} unsaid {number}", "arrived", count=2)
    assert ended(gateway, queued(gateway, Script(tag=load.tag)))["status"] == "completed"
    assert {shown(gateway, each)["status"] for each in load.said} == {"in_progress"}
    assert not gone(before)()
    assert site.ask("/healthz").status_code == 200
    load.release(upstream)
    responses = [ended(gateway, each) for each in (*load.said, *load.unsaid)]
    assert [(each["status"], each["output_text"]) for each in responses] == [
        ("completed", "one two")
    ] * (2 * JOBS)
    assert all(len(upstream.requests(f"{load.tag} said {n}")) == 1 for n in range(JOBS))
    until(gone(before), "the process before to end")
    # Of both generations together.
    completed = 'gateway_jobs_total{outcome="completed"}'
    until(lambda: site.figure(completed) == 2 * JOBS + 1, "the counts")


def test_a_stop_lets_end_what_has_spoken_and_gives_back_the_rest_at_once(
    gateway: Gateway,
    upstream: Upstream,
    site: Site,
    worker: WorkerProcess,
    load: Load,
    tmp_path: Path,
) -> None:
    worker.ask_group()
    with working(site.env | {"WORKER_METRICS_BIND": ""}, tmp_path):  # as in a rolling update
        for number in range(JOBS):
            upstream.wait(f"{load.tag} unsaid {number}", "arrived", count=2)
        assert worker.lives
        assert site.ask("/healthz").json()["reason"] == "the worker is being stopped"
        load.release(upstream)
        for each in (*load.said, *load.unsaid):
            assert ended(gateway, each)["status"] == "completed"
        assert worker.parent.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]], ids=["twice", "interrupt"]
)
def test_a_hurried_stop_fails_what_does_not_end_within_its_grace(
    gateway: Gateway, worker: WorkerProcess, load: Load, signals: list[signal.Signals]
) -> None:
    for number in signals:
        worker.parent.send_signal(number)
        until(lambda: "worker_draining" in worker.log, "the stop to be heard")
    assert worker.parent.wait(PATIENCE_S) == 0
    assert {shown(gateway, each)["status"] for each in load.said} == {"failed"}
    assert all(shown(gateway, each)["output"] == [] for each in load.unsaid)
    for each in load.unsaid:
        cancel(gateway, each)


def test_a_broken_file_leaves_the_process_before_at_work(
    gateway: Gateway, upstream: Upstream, site: Site, worker: WorkerProcess, tag: str
) -> None:
    before = worker.child
    successful = "gateway_config_last_reload_successful"
    assert site.figure(successful) == 1
    site.config.rename(site.config.with_suffix(".away"))
    worker.parent.send_signal(signal.SIGHUP)
    until(lambda: "No such file or directory" in worker.log, "the reason")
    site.config.with_suffix(".away").rename(site.config)
    site.write("[background]\ndrain = 60\n")
    worker.parent.send_signal(signal.SIGHUP)
    until(lambda: worker.log.count("config_reload_failed") == 2, "the reason")
    lines = [json.loads(each) for each in worker.log.splitlines() if each.startswith("{")]
    *_, fault = [each for each in lines if each["event"] == "config_reload_failed"]
    line = site.config.read_text().splitlines().index("drain = 60") + 1
    assert (fault["file"], fault["line"]) == (str(site.config), line)
    assert fault["reason"].startswith("[background] drain is not a setting")
    assert site.figure(successful) == 0
    assert worker.child.pid == before.pid
    assert ended(gateway, queued(gateway, Script(tag=tag)))["status"] == "completed"
    before.kill()  # what replaces it goes by the last good settings
    until(lambda: len(pids(worker, "worker_ready")) == 2, "another process")
    assert ended(gateway, queued(gateway, Script(tag=tag)))["status"] == "completed"
    site.write('[redis]\nprefix = "other:"\n')
    reload(worker)
    assert "REDIS_PREFIX" in worker.log  # it overrules the file until the worker is restarted
    assert site.figure(successful) == 1


def test_a_job_for_a_provider_that_the_worker_does_not_know_waits_for_one_that_does(
    gateway: Gateway, upstream: Upstream, site: Site, tmp_path: Path, tag: str
) -> None:
    known = site.config.read_text()
    site.config.write_text('[providers.local]\napi = "local"\n')
    with brief(site.env, tmp_path) as worker:
        response_id = queued(gateway, Script(tag=tag))
        until(lambda: "job_left_to_others" in worker.log, "the job to be left")
        assert ended(gateway, queued(gateway, "hi", model="local/echo"))["status"] == "completed"
        site.config.write_text(known)
        reload(worker)
        assert ended(gateway, response_id)["status"] == "completed"
        assert worker.log.count("job_left_to_others") == 1
    assert len(upstream.requests(tag)) == 1


def test_nothing_outlives_a_killed_master(
    gateway: Gateway, upstream: Upstream, worker: WorkerProcess, load: Load
) -> None:
    child = worker.child
    worker.parent.kill()
    worker.parent.wait()
    child.wait(timeout=PATIENCE_S)
    assert {shown(gateway, each)["status"] for each in load.said} == {"failed"}
    assert all(shown(gateway, each)["output"] == [] for each in load.unsaid)
    for each in load.unsaid:
        cancel(gateway, each)
