"""Budgets over two processes and a worker: no race passes one, and refusals say what holds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from tests.e2e import gateway as gateways
from tests.e2e.background import ended, queued, spoken
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.stops import site
from tests.e2e.wire import RawCall, post_bytes
from tests.e2e.workers import brief
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Counted, Fail, Script

PRICES = """
[models."chat/steady".price]
input = 10
output = 100
[models."narrow/steady".price]
input = 10
output = 100
[models."anthropic/steady".price]
input = 10
output = 100
"""
#: 10,050 µUSD; reserved is a little more, for the input is guessed.
USED = Counted(input=5, output=100)
COST = 5 * 10 + 100 * 100
#: For ever: a day's, or a month's, would begin anew where the test runs over midnight, in UTC.
BUDGET, MICROUSD = "0.3/total", 300_000
MOST = MICROUSD // COST
THREADS = 64


@dataclass(frozen=True, slots=True)
class Till:
    """A gateway with prices, its upstream, and its environment."""

    gateway: Gateway
    upstream: Upstream
    env: dict[str, str]

    def key(self, *options: str, account: str = "payer") -> dict[str, Any]:
        """Have a key made."""
        return gateways.keys(self.env, "create", "--account", account, *options)

    def call(self, key: str, **more: Any) -> requests.Response:
        """Make a request that costs COST."""
        script = Script(usage=USED, tag="paid").text()
        body = {"model": "chat/steady", "input": script, "max_output_tokens": 100, **more}
        return requests.post(
            f"{self.gateway.url}/v1/responses",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )

    def left(self, key: str) -> int:
        """Return what is left of the key's budget, as a request without a price is told."""
        usd = self.call(key, model="chat/swift").headers.get("X-Budget-Remaining", "0")
        return round(float(usd) * 1e6)

    def waits(self, response_id: str) -> bool:
        """Tell whether a job was taken, and no upstream was called for it."""
        with redis.Redis.from_url(self.env["REDIS_URL"]) as client:
            (job,) = client.scan_iter(f"{self.env['REDIS_PREFIX']}*:job:{response_id}")
            status, begun = client.hmget(job, "status", "begun")
        return (status, begun) == (b"in_progress", None)

    def spent(self, key: str) -> int:
        """Return what the account's usage says that it cost."""
        answer = self.gateway.call("GET", "/v1/usage", key=key)
        cost: int = answer.json()["total"]["cost_microusd"]
        return cost


@pytest.fixture
def till(environment: dict[str, str], upstream: Upstream, tmp_path: Path) -> Iterator[Till]:
    upstream.reset()
    toml = gateway_toml(upstream.places, keepalive_s=15) + PRICES
    (tmp_path / "gateway.toml").write_text(toml)
    config = {"GATEWAY_CONFIG": str(tmp_path / "gateway.toml"), "REDIS_PREFIX": "budgets:"}
    env = environment | config
    keys = gateways.Keys("", "")
    with site(env, keys, tmp_path, toml, worker_class="gevent", processes=2) as running:
        yield Till(running.gateway, upstream, env)


def test_a_budget_holds_whatever_races_for_it(till: Till, tmp_path: Path) -> None:
    made = till.key("--budget", BUDGET)
    key = made["key"]
    # 1. Many at once, streamed and whole, by two processes: what they reserve never passes it.
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda n: till.call(key, stream=n % 2 == 0), range(THREADS)))
    assert {each.status_code for each in answers} == {200, 429}
    assert sum(each.status_code == 200 for each in answers) <= MOST
    # 2. One after the other, until there is no room: in the background, too.
    with brief(till.env, tmp_path):
        answer = till.call(key, background=True)
        while answer.status_code == 202:
            paid = Gateway(
                till.gateway.url,
                gateways.Keys(key, ""),
                till.gateway.log_file,
                till.gateway.session,
            )
            ended(paid, answer.json()["id"])
            answer = till.call(key, background=True)
    until(lambda: till.spent(key) == MOST * COST, "everything that was let in to be charged")
    assert len(till.upstream.requests("paid")) == MOST
    # 3. The refusal says what holds, and clients do not try again.
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (
        429,
        "rate_limit_error",
        "insufficient_quota",
    )
    assert "this key may spend 0.300000 USD in all" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert "Retry-After" not in answer.headers
    assert answer.headers["X-Budget-Remaining"] == f"0.{MICROUSD - MOST * COST:06}"
    assert answer.headers["X-Budget-Warning"] == "97"
    (warning,) = till.gateway.log_lines(event="budget_warning", budget=BUDGET)
    assert warning["account"] == "payer"
    metrics = till.gateway.call("GET", "/metrics", key=None).text
    (line,) = [each for each in metrics.splitlines() if each.startswith("gateway_budget_refusals")]
    assert float(line.split()[1]) > 0
    daily = till.key("--budget", "0.001/day")["key"]
    while (refused := till.call(daily)).status_code == 200:  # the first, and who comes at midnight
        assert len(till.upstream.requests("paid")) < 2 * MOST
    assert (refused.status_code, refused.headers["x-should-retry"]) == (429, "false")
    assert "this key may spend 0.001000 USD a day" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    # 4. What has no price, and other keys, are let in; a raised budget holds within a second.
    assert till.call(key, model="chat/swift").status_code == 200
    assert till.call(till.key()["key"]).status_code == 200
    gateways.keys(till.env, "update", made["id"], "--budget", "1/total")
    until(lambda: till.call(key).status_code == 200, "the raised budget")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_job_that_waits_for_a_slot_gives_its_budget_back(
    till: Till, tmp_path: Path, method: str
) -> None:
    key = till.key("--budget", BUDGET)["key"]
    paid = replace(till.gateway, keys=gateways.Keys(key, ""))
    halted = Script(say=("one ", "two"), stall_after=1, usage=USED, tag="halted")
    more = {"model": "narrow/steady", "max_output_tokens": 100}
    with brief(till.env, tmp_path):
        # 1. One job has the only slot. Another waits for it, cannot be had, and waits again.
        first = queued(paid, halted, **more)
        spoken(paid, first, "one ")
        before = till.left(key)
        second = queued(paid, "hello", **more)
        until(lambda: till.waits(second), "the other job to wait")
        assert till.left(key) < before
        # 2. Cancelled or deleted, it costs nothing: its upstream was not called.
        path = f"/v1/responses/{second}" + ("/cancel" if method == "POST" else "")
        assert paid.call(method, path).status_code == 200
        until(lambda: till.left(key) == before, "the budget to be given back")
        # 3. The first, whose upstream has not counted yet what it said, may have cost anything.
        assert paid.call("POST", f"/v1/responses/{first}/cancel").status_code == 200
        assert till.left(key) == before


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_between_failed_attempts_pays_nothing(till: Till, stream: bool) -> None:
    key, model = till.key("--budget", BUDGET)["key"], "chat/steady"
    later = Fail(status=503, headers=(("Retry-After", "8"),))
    body = {"model": model, "input": Script(fail=later, tag="later").text(), "stream": stream}
    call = RawCall(till.gateway.url, post_bytes("/v1/responses", key, body))
    till.upstream.wait("later", "ended")
    assert till.left(key) < MICROUSD
    call.close()
    until(lambda: till.left(key) == MICROUSD, "the budget to be given back")
    line = till.gateway.logged(event="request", error_code="caller_left")
    assert (line["attempts"], line["cost_microusd"]) == (1, 0)


def test_a_job_that_is_cancelled_between_failed_attempts_costs_nothing(
    till: Till, tmp_path: Path
) -> None:
    key = till.key("--budget", BUDGET)["key"]
    paid = replace(till.gateway, keys=gateways.Keys(key, ""))
    # Seconds that the job waits in the worker: longer than a cancel takes, too short to be parked.
    fails = Script(fail=Fail(status=503, headers=(("Retry-After", "4"),)), tag="fails", usage=USED)
    with brief(till.env, tmp_path):
        job = queued(paid, fails, model="chat/steady", max_output_tokens=100)
        until(lambda: bool(till.upstream.requests("fails")), "the first attempt")
        until(lambda: till.waits(job), "the pause after it")
        assert till.left(key) < MICROUSD
        assert paid.call("POST", f"/v1/responses/{job}/cancel").status_code == 200
        until(lambda: till.left(key) == MICROUSD, "the budget to be given back")


def test_a_job_that_was_counted_in_part_keeps_its_reservation(till: Till, tmp_path: Path) -> None:
    key = till.key("--budget", "1/total")["key"]
    paid = replace(till.gateway, keys=gateways.Keys(key, ""))
    # The summary is not counted; the answer after it is, from its beginning.
    answer = Script(say=("one ", "two"), stall_after=1, usage=USED, tag="partly")
    till.upstream.arm(Script(say="a summary", usage=None), answer)
    compaction = [{"type": "compaction", "compact_threshold": 1000}]
    turns = [("user", "word " * 3000), ("assistant", "yes"), ("user", "go on")]
    body = {
        "model": "anthropic/steady",
        "input": [{"role": role, "content": content} for role, content in turns],
        "background": True,
        "context_management": compaction,
    }
    with brief(till.env, tmp_path):
        job = paid.call("POST", "/v1/responses", body).json()["id"]
        spoken(paid, job, "one ")
        reserved = till.left(key)
        assert reserved < 10**6
        answer_json = paid.call("POST", f"/v1/responses/{job}/cancel").json()
    assert answer_json["usage"]["input_tokens"] == USED.input
    assert till.left(key) == reserved


def test_what_ends_while_redis_is_away_is_settled_after_that(
    environment: dict[str, str], upstream: Upstream, tmp_path: Path
) -> None:
    toml = gateway_toml(upstream.places, keepalive_s=15) + PRICES
    (tmp_path / "gateway.toml").write_text(toml)
    with MortalRedis(tmp_path) as mortal, ThreadPoolExecutor(2) as pool:
        mortal.start()
        env = environment | {
            "REDIS_URL": mortal.url,
            "GATEWAY_CONFIG": str(tmp_path / "gateway.toml"),
        }
        with site(env, gateways.Keys("", ""), tmp_path, toml, processes=1) as running:
            till = Till(running.gateway, upstream, env)
            key = till.key("--budget", BUDGET)["key"]
            script = Script(say=("one ", "two"), stall_after=1, usage=USED, tag="settled")
            answers = [
                pool.submit(till.call, key, input=script.text(), stream=stream)
                for stream in (True, False)
            ]
            upstream.wait("settled", "stalled", count=2)
            mortal.kill()
            upstream.release("settled")
            assert [each.result().status_code for each in answers] == [200, 200]
            mortal.start()
            until(lambda: till.left(key) == MICROUSD - 2 * COST, "the reservations to be settled")
            assert till.spent(key) == 2 * COST
