"""Slots of a Cluster are moved to other servers under load, that of the queues first.

Prints what was promised, and for how long callers had to wait.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cluster_moves import SlotMove, masters
from tests.e2e import promises
from tests.e2e.config import gateway_toml
from tests.e2e.gateway import REDIS_PREFIX, Gateway
from tests.e2e.scale import Load, Site, running_site
from tests.e2e.test_nginx import NGINX
from tests.upstream.client import Upstream

MOVES = 60

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def site(environment: dict[str, str], upstream: Upstream, tmp_path: Path) -> Iterator[Site]:
    upstream.reset()
    config = tmp_path / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=1))
    env = {**environment, "GATEWAY_CONFIG": str(config), "WORKER_LEASE_S": "6"}
    with running_site(env, tmp_path) as site:
        yield site


@pytest.fixture
def gateway(site: Site, tmp_path: Path) -> Iterator[Gateway]:
    """Both gateways, by nginx's address."""
    with requests.Session() as session:
        session.trust_env = False
        yield Gateway(site.url, site.keys, tmp_path / "one.log", session)


def keys_of_slots(nodes: list[Any]) -> list[bytes]:
    """Return a key of each slot that has one, the queues' first."""
    queues = f"{REDIS_PREFIX}{{jobs}}".encode()
    found: dict[int, bytes] = {nodes[0].execute_command("CLUSTER", "KEYSLOT", queues): queues}
    for node in nodes:
        for key in node.scan_iter(count=1000):
            found.setdefault(node.execute_command("CLUSTER", "KEYSLOT", key), key)
    return list(found.values())


def test_slots_are_moved_and_nothing_is_lost_or_in_two_places(
    site: Site, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = set[bytes]()
    with masters(site.shard.url) as nodes, Load(site) as load:
        load.begin("nothing happens")
        load.go_on()
        load.begin("slots move")
        for key in keys_of_slots(nodes)[:MOVES]:
            move = SlotMove(nodes, key)
            move.begin()
            twice |= move.twice
            move.finish()
        load.go_on()
    lost, misplaced = promises.lost(gateway, load), promises.misplaced(gateway, load.callers)
    with capsys.disabled():
        sys.stdout.write(f"{load.figures()}\n{promises.summary(load, lost, misplaced, 0)}\n")
    assert (lost, misplaced, twice) == ([], [], set())
    assert not [why for refused in load.refusals for why in refused if why.startswith("500")]
