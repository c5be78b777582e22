"""Background responses of every kind while their Redis fails over, twice, under two hundred jobs.

A planned fail-over, then the death of the new master; or two masters that stall and come back; by
Sentinels and in a Cluster. What was accepted ends as its caller is told, once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.e2e import gateway as gateways
from tests.e2e.background import events_of
from tests.e2e.callers import ENDED
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.job_callers import Converser, Job, JobCaller, JobLoad
from tests.e2e.workers import brief
from tests.processes import until
from tests.redis_cluster import running_shards
from tests.redis_sentinel import SERVICE, running_sentinel
from tests.upstream.client import Upstream
from tests.webhook_receiver import Receiver, receiving

#: So many jobs are accepted at least.
JOBS = 200
CONFIG = """
[redis]
wait_replicas = 1
[webhooks]
allow_private_addresses = true
"""
LEASE_S = "15"

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True, slots=True)
class Servers:
    """A Redis whose master has two replicas.

    `plan` has one of them take over, and so does `lose`, which sends the master's process a signal.
    """

    url: str
    plan: Callable[[], None]
    lose: Callable[[int], None]


def by_sentinels(stack: ExitStack) -> Servers:
    watched = stack.enter_context(running_sentinel(2))

    def named() -> int:
        words = watched.sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(words[1])

    def plan() -> None:
        watched.fail_over()
        until(lambda: watched.has_moved, "another master")

    def lose(number: int) -> None:
        port = named()
        with redis.Redis(port=port, protocol=2) as master, signalled(master, number):
            until(lambda: named() != port, "another master")

    return Servers(watched.url, plan, lose)


def in_a_cluster(stack: ExitStack) -> Servers:
    queues = f"{gateways.REDIS_PREFIX}{{jobs}}"
    shard = stack.enter_context(running_shards(queues, replicas=2, timeout_ms=2000))
    nodes = [shard.client, *shard.replicas]

    def plan() -> None:
        shard.fail_over()
        until(lambda: shard.has_moved, "another master")

    def lose(number: int) -> None:
        until(lambda: sum(map(_leads, nodes)) == 1, "one of them to lead")
        master = next(filter(_leads, nodes))
        others = [each for each in nodes if each is not master]
        with signalled(master, number):
            until(lambda: any(map(_leads, others)), "another master")

    return Servers(shard.url, plan, lose)


def _leads(client: Any) -> bool:
    return bool(client.execute_command("ROLE")[0] == b"master")


@contextmanager
def signalled(master: Any, number: int) -> Iterator[None]:
    """Send a master a signal once both replicas follow it: before, none could take over.

    At the end it goes on, if it can.
    """
    until(lambda: master.info("replication")["connected_slaves"] == 2, "replicas to follow it")
    pid = master.info("server")["process_id"]
    os.kill(pid, number)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


FAULTS: dict[str, Callable[[Servers], None]] = {
    "planned": lambda servers: servers.plan(),
    "killed": lambda servers: servers.lose(signal.SIGKILL),
    "stalled": lambda servers: servers.lose(signal.SIGSTOP),
}


@dataclass(frozen=True, slots=True)
class House:
    """A gateway and its worker on such a Redis, and who is sent events of it."""

    gateway: Gateway
    servers: Servers
    receiver: Receiver


@pytest.fixture(params=[by_sentinels, in_a_cluster], ids=["sentinel", "cluster"])
def house(
    request: pytest.FixtureRequest, environment: dict[str, str], upstream: Upstream, tmp_path: Path
) -> Iterator[House]:
    upstream.reset()
    config = tmp_path / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15) + CONFIG)
    with ExitStack() as stack:
        servers = request.param(stack)
        shared = {"REDIS_URL": servers.url, "WORKER_LEASE_S": LEASE_S, "GATEWAY_SECRET": "s" * 32}
        env = environment | shared | {"GATEWAY_CONFIG": str(config)}
        keys = Keys(gateways.make_key("acme", env), "")
        gateway = stack.enter_context(gateways.running(env, keys, tmp_path, "gevent", 1))
        stack.enter_context(brief(env, tmp_path))
        receiver = stack.enter_context(receiving())
        body = {
            "name": "e2e",
            "url": f"{receiver.url}/e2e",
            "event_types": sorted(f"response.{status}" for status in ENDED),
        }
        answer = gateway.call("POST", "/v1/webhook_endpoints", body)
        assert answer.ok, answer.text
        yield House(gateway, servers, receiver)


@pytest.mark.parametrize("faults", [("planned", "killed"), ("stalled", "stalled")], ids="-".join)
def test_jobs_survive_two_fail_overs(
    house: House, upstream: Upstream, capsys: pytest.CaptureFixture[str], faults: tuple[str, str]
) -> None:
    with JobLoad(house.gateway.url, house.gateway.keys.own) as load:
        for fault in faults:
            until(accepted(load, JOBS // 4), "jobs before a fail-over")
            FAULTS[fault](house.servers)
        until(accepted(load, JOBS // 2), "jobs after both")
    found = [
        *(fault for each in load.callers for fault in lost(house.gateway, each)),
        *misplaced(house.gateway, load),
        *answered_again(upstream, load),
        *unheard(house.receiver, load),
    ]
    with capsys.disabled():
        sys.stdout.write(f"{figures(load)}\n")
    assert found == []


def accepted(load: JobLoad, number: int) -> Callable[[], bool]:
    """Return what tells whether so many jobs more have been accepted."""
    enough = len(list(load.jobs)) + number
    return lambda: len(list(load.jobs)) >= enough


def lost(gateway: Gateway, caller: JobCaller) -> Iterator[str]:
    """Yield what has not become of a caller's jobs what it should have."""
    for job in caller.jobs:
        if job.response_id not in caller.saw:
            yield f"{job.tag}: its caller has seen no end of it"
            continue
        answer = gateway.get(job.response_id)
        response = answer.json()
        if not answer.ok:
            yield f"{job.tag}: {answer.status_code}"
            continue
        saw, now = caller.saw[job.response_id], (response["status"], response["output_text"])
        if now != saw:
            yield f"{job.tag}: was {saw}, and is {now}"
        if not _is_whole(job, *now):
            yield f"{job.tag}: {now} {response['error']}"
        yield from _faults_of_events(gateway, job, response)
    yield from (f"{each}: an event was missed or came twice" for each in caller.torn)
    yield from (f"{each}: has ended in two ways" for each in caller.changed)


def _is_whole(job: Job, status: str, text: str) -> bool:
    if status == "cancelled":
        return job.tag.startswith("canceller") and job.answer.startswith(text)
    return (status, text) == ("completed", job.answer)


def _faults_of_events(gateway: Gateway, job: Job, response: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the events that are kept."""
    events = events_of(gateway, job.response_id)
    numbers = [each["sequence_number"] for each in events]
    if numbers != list(range(len(events))):
        yield f"{job.tag}: its events are {numbers}"
    if events[-1]["response"] != response:
        yield f"{job.tag}: its last event has another response"


def misplaced(gateway: Gateway, load: JobLoad) -> Iterator[str]:
    """Yield what conversations have not, or not once."""
    for caller in load.callers:
        if not isinstance(caller, Converser):
            continue
        path = f"/v1/conversations/{caller.conversation}/items?order=asc&limit=100"
        items = gateway.call("GET", path).json()["data"]
        found = [part["text"] for item in items for part in item["content"]]
        answers = [job.answer for job in caller.jobs]
        if found[1::2] != answers:
            yield f"{caller.name}: {found[1::2]} in place of {answers}"


def answered_again(upstream: Upstream, load: JobLoad) -> Iterator[str]:
    """Yield whose model has answered more than once, or though its job was refused.

    One may be asked again that was not heard to the end: what a worker has begun may go with a
    server, and what was refused may have been begun.
    """
    times = Counter(each["tag"] for each in upstream.requests() if each["state"] == "ended")
    for job in load.jobs:
        if times[job.tag] > 1:
            yield f"{job.tag}: its model has answered {times[job.tag]} times"
    for caller in load.callers:
        yield from (f"{tag}: was refused, and run" for tag in caller.refused_tags if times[tag])


def unheard(receiver: Receiver, load: JobLoad) -> list[str]:
    """Return of which jobs no event has come, or several, or another than their end."""
    expected = {
        job.response_id: f"response.{caller.saw[job.response_id][0]}"
        for caller in load.callers
        for job in caller.jobs
        if job.response_id in caller.saw
    }

    def came() -> dict[str, set[tuple[str, str]]]:
        events: dict[str, set[tuple[str, str]]] = {}
        for each in receiver.at("/e2e"):
            pair = (each.headers["webhook-id"], each.event["type"])
            events.setdefault(each.event["data"]["id"], set()).add(pair)
        return events

    try:
        until(lambda: came().keys() >= expected.keys(), "an event of each job")
    except AssertionError:
        return [f"{each}: no event" for each in expected.keys() - came().keys()]
    found = {each: [kind for _, kind in sorted(pairs)] for each, pairs in came().items()}
    return [
        f"{each}: {found[each]} in place of {kind}"
        for each, kind in expected.items()
        if found[each] != [kind]
    ]


def figures(load: JobLoad) -> str:
    """Return what was accepted, how it ended, and what was refused."""
    ends = Counter(status for each in load.callers for status, _ in each.saw.values())
    refused: Counter[str] = sum((each.refused for each in load.callers), Counter())
    return f"accepted {len(list(load.jobs))}: {dict(ends)}; refused {dict(refused)}"
