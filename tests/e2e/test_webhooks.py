"""Webhooks from job to receiver: whatever the receiver, the worker or Redis do, events arrive.

`pytest -s` prints a row for each fault: what came to the receiver, and what the delivery log says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from app.domain.webhooks.deliveries import AttemptEntry
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.webhooks.redis import RedisWebhookStore
from tests.e2e import gateway as gateways
from tests.e2e.background import cancel, ended, queued
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.workers import WorkerProcess, brief
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Fail, Script
from tests.webhook_receiver import Received, Receiver, receiving

ALL = ["response.completed", "response.failed", "response.incomplete", "response.cancelled"]
TIMEOUT_S = 5
ALLOWED = f"\n[webhooks]\nallow_private_addresses = true\ntimeout_s = {TIMEOUT_S}\n"
STRICT = f"\n[webhooks]\ntimeout_s = {TIMEOUT_S}\n"
PATIENT = "\n[webhooks]\nallow_private_addresses = true\ntimeout_s = 20\n"


@dataclass(frozen=True, slots=True)
class House:
    """A gateway on a Redis of its own, and OpenAI's client for it."""

    gateway: Gateway
    redis: MortalRedis
    client: openai.OpenAI
    store: RedisWebhookStore
    env: dict[str, str]
    strict_env: dict[str, str]
    patient_env: dict[str, str]

    def endpoint(self, url: str, events: list[str] = ALL) -> Any:
        """Make an endpoint; its secret is in it."""
        types: Any = events
        return self.client.webhooks.create(name="e2e", url=url, event_types=types)

    def log(self, endpoint: Any) -> list[AttemptEntry]:
        """Return the endpoint's delivery log, oldest first."""
        return self.store.entries(endpoint.id)[::-1]

    def settled(self, endpoint: Any) -> list[AttemptEntry]:
        """Return the log once something was sent to the endpoint, and nothing more is to be.

        An event is not on its way yet when its response has ended.
        """

        def is_settled() -> bool:
            return bool(self.log(endpoint)) and self.store.waiting(endpoint.id) == 0

        until(is_settled, f"what is sent to {endpoint.url}")
        return self.log(endpoint)


@pytest.fixture(scope="module")
def house(
    environment: dict[str, str], upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("webhooks")
    toml = gateway_toml(upstream.places, keepalive_s=15)
    (folder / "allowed.toml").write_text(toml + ALLOWED)
    (folder / "strict.toml").write_text(toml + STRICT)
    (folder / "patient.toml").write_text(toml + PATIENT)
    with ExitStack() as stack:
        redis = stack.enter_context(MortalRedis(folder))
        redis.start()
        shared = {"REDIS_URL": redis.url, "WORKER_LEASE_S": "1", "GATEWAY_SECRET": "s" * 32}
        env = environment | shared | {"GATEWAY_CONFIG": str(folder / "allowed.toml")}
        key = gateways.make_key("acme", env)
        gateway = stack.enter_context(gateways.running(env, Keys(key, key), folder, "gevent", 1))
        client = stack.enter_context(openai.OpenAI(base_url=gateway.url + "/v1", api_key=key))
        pool = stack.enter_context(connect(RedisSettings(url=redis.url)))
        store = RedisWebhookStore(pool, env["REDIS_PREFIX"], 1)
        strict, patient = (
            env | {"GATEWAY_CONFIG": str(folder / name)} for name in ("strict.toml", "patient.toml")
        )
        yield House(gateway, redis, client, store, env, strict, patient)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _no_endpoints_are_left(house: House) -> Iterator[None]:
    yield
    for each in house.client.webhooks.list():
        house.client.webhooks.delete(each.id)


@pytest.fixture(scope="module")
def worker(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """A worker, from its first use to the end: tests with workers of their own come before."""
    with brief(house.env, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


def row(fault: str, came: list[Received], log: list[AttemptEntry]) -> None:
    """Print a row of the table."""
    tries = Counter(f"{each.outcome} {each.status or each.error}" for each in log)
    said = ", ".join(f"{number} x {what}" for what, number in tries.items())
    print(f"| {fault} | {len(came)} | {said} |")  # noqa: T201 - it is what -s is for


def completed(house: House) -> str:
    """Have a background response be completed, and return its id."""
    response_id = queued(house.gateway, "hello")
    ended(house.gateway, response_id)
    return response_id


def test_a_worker_that_is_killed_while_it_sends_leaves_it_to_the_next(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = house.endpoint(receiver.url + "/hold")
    with brief(house.env, tmp_path) as worker:
        completed(house)
        until(lambda: len(receiver.at("/hold")) == 1, "the first attempt")
        worker.kill()
    with brief(house.env, tmp_path):
        log = house.settled(endpoint)
    came = receiver.at("/hold")
    row("worker killed while it sends", came, log)
    assert [each.outcome for each in log] == ["delivered"]
    assert len(came) == 2
    assert came[0].body == came[1].body


def test_a_private_address_is_not_called(house: House, receiver: Receiver, tmp_path: Path) -> None:
    """The endpoints were made where it was allowed."""
    port = receiver.url.rpartition(":")[2]
    urls = ("https://127.0.0.1:{}/", "https://[::ffff:127.0.0.1]:{}/", "https://localhost:{}/")
    secure = [house.endpoint(url.format(port)) for url in urls]
    plain = house.endpoint(receiver.url + "/ok")
    with brief(house.strict_env, tmp_path):
        completed(house)
        until(lambda: all(map(house.log, [*secure, plain])), "the attempts")
    row("a private address", receiver.received, house.log(secure[0]))
    assert [house.log(each)[0].error for each in secure] == ["private_address"] * 3
    assert house.log(plain)[0].error == "insecure_url"
    assert receiver.received == []


def test_a_redis_that_dies_while_it_is_sent_and_while_it_waits_loses_nothing(
    house: House, receiver: Receiver, tmp_path: Path
) -> None:
    """Its worker waits long for an answer: what is held must not time out before it is let go."""
    receiver.statuses = {"/later": [500, 200]}
    sent, waits = house.endpoint(receiver.url + "/hold"), house.endpoint(receiver.url + "/later")
    with brief(house.patient_env, tmp_path):
        completed(house)
        until(lambda: len(receiver.at("/hold")) == 1, "the first attempt")
        until(lambda: bool(house.log(waits)), "the failure to be written")
        house.redis.kill()
        receiver.released.set()
        house.redis.start()
        logs = [house.settled(each) for each in (sent, waits)]
    row("Redis killed while it is sent", receiver.at("/hold"), logs[0])
    row("Redis killed while it waits", receiver.at("/later"), logs[1])
    assert [each.outcome for each in logs[0]] == ["delivered"]
    assert [each.outcome for each in logs[1]] == ["retried", "delivered"]
    assert len(receiver.at("/later")) == 2


def test_openais_client_makes_tries_and_understands_it(
    house: House, receiver: Receiver, worker: WorkerProcess
) -> None:
    webhooks = house.client.webhooks
    endpoint = house.endpoint(receiver.url + "/ok")
    secret = endpoint.signing_secret
    assert webhooks.event_types.list().data == ALL
    assert webhooks.retrieve(endpoint.id).url == endpoint.url
    assert [each.id for each in webhooks.list(limit=1)] == [endpoint.id]
    assert webhooks.test(endpoint.id, event_type="response.failed").status_code == 200
    assert receiver.received[0].unwrapped(secret).type == "response.failed"
    # Each way to end is an event, after which the response is there as it says.
    ends = {
        completed(house): "response.completed",
        queued(house.gateway, Script(fail=Fail(status=400))): "response.failed",
        queued(house.gateway, Script(finish="length")): "response.incomplete",
    }
    waits = queued(house.gateway, Script(say=("one ", "two"), stall_after=1, tag="webhooks"))
    cancel(house.gateway, waits)
    ends[waits] = "response.cancelled"
    until(lambda: len(receiver.received) == 1 + len(ends), "an event for each end")
    came = [each.unwrapped(secret) for each in receiver.received[1:]]
    assert {each.data.id: each.type for each in came} == ends
    for each in came:
        shown = house.client.responses.retrieve(each.data.id)
        assert each.type == f"response.{shown.status}"
    # With the overlap both secrets are good; the foreground is no event.
    rotated = webhooks.rotate_secret(endpoint.id, keep_old_secret_active_for_24_hours=True)
    house.gateway.create("hello")
    response_id = completed(house)
    until(lambda: len(receiver.received) == 2 + len(ends), "the next event")
    for good in (secret, rotated.signing_secret):
        assert receiver.received[-1].unwrapped(good).data.id == response_id
    assert {each.outcome for each in house.settled(endpoint)} == {"delivered"}


def test_whatever_receivers_do_others_get_their_events_and_they_theirs(
    house: House, receiver: Receiver, worker: WorkerProcess
) -> None:
    receiver.statuses = {"/later": [500, 200], "/busy": [429, 200]}
    ways = ("hang", "drip", "redirect", "babble", "later", "busy", "pour", "ok")
    endpoints = {way: house.endpoint(f"{receiver.url}/{way}") for way in ways}
    house.endpoint("http://127.0.0.1:9/nobody")
    response_id = completed(house)
    logs = {way: house.settled(endpoints[way]) for way in ("ok", "pour", "later", "busy")}
    hopeless = ("hang", "drip", "redirect", "babble")
    until(lambda: all(house.log(endpoints[way]) for way in hopeless), "the others' first tries")
    logs |= {way: house.log(endpoints[way]) for way in hopeless}
    for way in ways:
        row(way, receiver.at(f"/{way}"), logs[way])
    assert [logs[way][-1].outcome for way in ways] == ["retried"] * 4 + ["delivered"] * 4
    assert [logs[way][0].error for way in hopeless] == ["timeout", "timeout", None, "no_answer"]
    assert [logs[way][0].status for way in ("redirect", "later", "busy")] == [307, 500, 429]
    assert receiver.at("/elsewhere") == []
    assert len(receiver.at("/ok")) == len(receiver.at("/pour")) == 1
    # A retry is the same event, signed anew.
    tries = receiver.at("/later")
    assert [each.event["data"]["id"] for each in tries] == [response_id] * 2
    assert len({each.headers["webhook-id"] for each in tries}) == 1
    tries[-1].unwrapped(endpoints["later"].signing_secret)


def test_two_workers_send_each_event_once(
    house: House, receiver: Receiver, worker: WorkerProcess, tmp_path: Path
) -> None:
    endpoint = house.endpoint(receiver.url + "/ok")
    with brief(house.env, tmp_path):
        ids = {queued(house.gateway, f"hello {number}") for number in range(20)}
        until(lambda: len(receiver.received) >= len(ids), "all events")
        log = house.settled(endpoint)
    row("two workers, 20 events", receiver.received, log)
    assert len(receiver.received) == len(ids)
    assert {each.event["data"]["id"] for each in receiver.received} == ids
