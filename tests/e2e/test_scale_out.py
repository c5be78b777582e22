"""Two gateways, two workers, a Redis Cluster and nginx: one of each is taken away under load.

Prints what was promised, what was refused, and for how long callers had to wait.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e import promises
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway
from tests.e2e.scale import Load, Site, running_site
from tests.e2e.test_nginx import NGINX
from tests.processes import until
from tests.upstream.client import Upstream

#: In seconds: a busy machine's worker shall not be taken for lost.
LEASE_S = "6"
#: What callers are promised while a master's replicas are cut off, before it dies.
UNREPLICATED = 60

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def site(
    request: pytest.FixtureRequest, environment: dict[str, str], upstream: Upstream, tmp_path: Path
) -> Iterator[Site]:
    """All of it, with `[redis] wait_replicas` as the test says."""
    upstream.reset()
    config = tmp_path / "gateway.toml"
    toml = gateway_toml(upstream.places, keepalive_s=1)
    config.write_text(f"{toml}\n[redis]\nwait_replicas = {request.param}\n")
    env = {**environment, "GATEWAY_CONFIG": str(config), "WORKER_LEASE_S": LEASE_S}
    with running_site(env, tmp_path) as site:
        yield site


@pytest.fixture
def gateway(site: Site, tmp_path: Path) -> Iterator[Gateway]:
    """Both gateways, by nginx's address."""
    with requests.Session() as session:
        session.trust_env = False
        yield Gateway(site.url, site.keys, tmp_path / "one.log", session)


def lose_master(load: Load) -> None:
    """Have a master go on without its replicas for a while, and then die."""
    shard = load.site.shard
    shard.cut_off_replicas()
    enough = load.promises + UNREPLICATED
    until(lambda: load.promises > enough, "promises of a master without replicas")
    shard.master.kill()
    shard.master.wait()
    until(lambda: shard.has_moved, "another master")


@pytest.mark.parametrize("site", [1], indirect=True, ids=["wait_replicas=1"])
def test_one_of_each_is_taken_away_and_nothing_that_was_promised_is_lost(
    site: Site, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    with Load(site) as load:
        load.begin("nothing happens")
        load.go_on(20)
        load.begin("a gateway is killed")
        site.webs[0].kill()
        load.go_on()
        load.begin("it comes back")
        site.webs[0].start()
        site.webs[0].served()
        load.go_on()
        load.begin("a worker is killed")
        site.workers[0].kill()
        load.go_on()
        load.begin("a Redis master is lost")
        lose_master(load)
        load.go_on()
    lost, misplaced = promises.lost(gateway, load), promises.misplaced(gateway, load.callers)
    late = promises.late(gateway, load.callers)
    with capsys.disabled():
        sys.stdout.write(f"{load.figures()}\n{promises.summary(load, lost, misplaced, late)}\n")
    assert (lost, misplaced) == ([], [])
    assert all(min(counts) > 0 for counts in promises.served_by(load).values())


@pytest.mark.parametrize("site", [0], indirect=True, ids=["wait_replicas=0"])
def test_without_replicas_to_wait_for_the_same_load_does_lose(
    site: Site, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    # What shows that the test above would see a loss.
    with Load(site) as load:
        load.begin("nothing happens")
        load.go_on()
        load.begin("a Redis master is lost")
        lose_master(load)
    lost = promises.lost(gateway, load, wait_s=1)
    with capsys.disabled():
        sys.stdout.write(f"{load.figures()}\n{promises.summary(load, lost, [], 0)}\n")
    assert lost
