"""What answers cost: the log, /v1/usage, the command and the counter say the same, whoever dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from app.cli.usage import usage
from tests.e2e import gateway as gateways
from tests.e2e.background import ended, queued, spoken
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway
from tests.e2e.stops import Site, site
from tests.e2e.wire import RawCall, post_bytes
from tests.e2e.workers import brief
from tests.processes import PATIENCE_S, free_port, until
from tests.upstream.client import Upstream
from tests.upstream.script import Counted, Fail, Script

PRICES = """
[models."chat/steady".price]
input = 1
output = 10
[models."responses/steady".price]
input = 2
cached_input = 0.5
output = 10
reasoning = 20
[models."anthropic/steady".price]
input = 3
output = 0.001
[models."falls-back".price]
input = 1000
output = 1000
"""
USED = Counted(input=1000, output=100, cached=400, reasoning=30)
#: What USED costs by format: reasoning and cached tokens are among the others.
COSTS = {
    "chat": 1000 + 1000,
    "responses": 600 * 2 + 400 // 2 + 70 * 10 + 30 * 20,
    "anthropic": 1000 * 3,  # and a tenth of a millionth for the output
}


@dataclass(frozen=True, slots=True)
class Office:
    """A gateway with prices, its upstream, and a worker's environment."""

    site: Site
    upstream: Upstream
    env: dict[str, str]

    @property
    def gateway(self) -> Gateway:
        return self.site.gateway

    def totals(self) -> dict[str, Any]:
        """Return the account's use, as the API shows it."""
        total: dict[str, Any] = self.gateway.call("GET", "/v1/usage").json()["total"]
        return total

    def command(self) -> list[dict[str, Any]]:
        """Return the lines of the command `usage`."""
        return gateways.command(self.env, usage, "--account", "payer")

    def logged(self, *logs: Path) -> tuple[int, int]:
        """Return the sum of the costs in the log, and how many of them are unknown."""
        lines = [
            line
            for log in (self.gateway.log_file, *logs)
            for line in map(_line, log.read_text().splitlines())
            if "cost_microusd" in line
        ]
        costs = [line["cost_microusd"] for line in lines]
        return sum(cost for cost in costs if cost is not None), costs.count(None)

    def counted(self) -> tuple[int, int]:
        """Return what web's and the worker's counters say, in µUSD and answers."""
        urls = [self.gateway.url, f"http://{self.env['WORKER_METRICS_BIND']}"]
        text = "\n".join(requests.get(f"{url}/metrics", timeout=PATIENCE_S).text for url in urls)
        sums = {"gateway_cost_usd": 0.0, "gateway_unpriced_requests": 0.0}
        for line in text.splitlines():
            name = line.partition("{")[0].partition(" ")[0].removesuffix("_total")
            if name in sums:
                sums[name] += float(line.rpartition(" ")[2])
        return round(sums["gateway_cost_usd"] * 1e6), int(sums["gateway_unpriced_requests"])


def _agree(office: Office, expected: tuple[int, int], logs: tuple[Path, ...]) -> None:
    """Hold all that tell costs to what is expected, once they have it."""

    def api() -> tuple[int, int]:
        total = office.totals()
        return total["cost_microusd"], total["unpriced_requests"]

    until(lambda: api() == expected, f"the API to say {expected}")
    until(lambda: office.logged(*logs) == expected, f"the log to say {expected}")
    until(lambda: office.counted() == expected, f"the counters to say {expected}")
    lines = office.command()
    costs = sum(line["cost_microusd"] or 0 for line in lines)
    assert (costs, sum(line["unpriced_requests"] for line in lines)) == expected


def _line(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    line: dict[str, Any] = json.loads(text)
    return line


@pytest.fixture
def office(environment: dict[str, str], upstream: Upstream, tmp_path: Path) -> Iterator[Office]:
    upstream.reset()
    env = environment | {
        "WORKER_LEASE_S": "1",
        "WORKER_METRICS_BIND": f"127.0.0.1:{free_port()}",
        "REDIS_PREFIX": "costs:",
    }
    toml = gateway_toml(upstream.places, keepalive_s=15) + PRICES
    (tmp_path / "gateway.toml").write_text(toml)
    env["GATEWAY_CONFIG"] = str(tmp_path / "gateway.toml")
    keys = gateways.Keys(gateways.make_key("payer", env), "")
    with site(env, keys, tmp_path, toml, worker_class="gevent", processes=2) as running:
        yield Office(running, upstream, env)


def test_every_sum_is_the_same_whoever_is_killed(office: Office, tmp_path: Path) -> None:
    gateway, script = office.gateway, Script(usage=USED).text()
    expected = 0
    for provider, cost in COSTS.items():
        gateway.create(script, model=f"{provider}/steady")
        gateway.stream(script, model=f"{provider}/steady")
        expected += 2 * cost
    # A retry is paid once, and a fallback at its own price.
    office.upstream.arm(Script(fail=Fail(status=503)))
    gateway.create(script, model="chat/steady")
    office.upstream.arm(Script(usage=USED), model="steady")
    gateway.create("hello", model="falls-back")
    expected += COSTS["chat"] + COSTS["anthropic"]
    # Nobody knows the price of one model, nor what an upstream that does not count has taken.
    gateway.create(script, model="responses/unpriced")
    gateway.create(Script(usage=None).text(), model="chat/steady")
    # A caller who hangs up pays for what was counted by then.
    halted = Script(say=("one ", "two"), stall_after=1, usage=USED, tag="left")
    body = {"model": "anthropic/steady", "input": halted.text(), "stream": True}
    call = RawCall(gateway.url, post_bytes("/v1/responses", gateway.keys.own, body))
    until(lambda: b"output_text.delta" in next(call.frames), "the model to have spoken")
    call.close()
    expected += COSTS["anthropic"]
    with brief(office.env, tmp_path) as killed:
        job = Script(say=("one ", "two"), stall_after=1, usage=USED, tag="killed")
        response_id = queued(gateway, job, model="anthropic/steady")
        spoken(gateway, response_id, "one ")
        killed.kill()
    with brief(office.env, tmp_path) as worker:
        assert ended(gateway, response_id)["status"] == "failed"
        done = queued(gateway, script, model="anthropic/steady")
        assert ended(gateway, done)["status"] == "completed"
        expected += 2 * COSTS["anthropic"]
        logs = (killed.log_file, worker.log_file)
        _agree(office, (expected, 2), logs)
        old = office.site.workers()
        for pid in old:
            psutil.Process(pid).kill()
        until(lambda: len(office.site.workers() - old) == 2, "new processes in their place")
        gateway.create(script, model="chat/steady")
        _agree(office, (expected + COSTS["chat"], 2), logs)
