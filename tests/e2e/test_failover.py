"""A whole gateway while its Redis fails over, twice: planned, then by the new master's death."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import requests

from tests.e2e import gateway as gateways
from tests.e2e.gateway import DEFAULT_FIRST, Gateway, Keys
from tests.e2e.workers import brief
from tests.processes import until
from tests.redis_sentinel import SERVICE, Watched, running_sentinel
from tests.store.faults import go_on

CONFIG = """
[redis]
wait_replicas = 1
[providers.local]
api = "local"
"""
BODY = {"model": "local/echo", "input": "said and kept"}
AT_FIRST = 20


class Callers:
    """Callers that ask again and again, and what they were promised."""

    def __init__(self, gateway: Gateway) -> None:
        self.promised: list[str] = []
        self.seen: Counter[int] = Counter()
        self._gateway = gateway
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(kind,)) for kind in (0, 0, 1, 1)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, background: int) -> None:
        headers = {"Authorization": f"Bearer {self._gateway.keys.own}"}
        body = {**BODY, "background": bool(background)}
        with requests.Session() as session:
            session.trust_env = False
            while not self._enough.wait(0.02):
                url = f"{self._gateway.url}/v1/responses"
                answer = session.post(url, json=body, headers=headers, timeout=60)
                self.seen[answer.status_code] += 1
                if answer.status_code in (200, 202):
                    self.promised.append(answer.json()["id"])


@pytest.fixture
def watched() -> Iterator[Watched]:
    with running_sentinel(2) as watched:
        yield watched


@pytest.fixture(params=DEFAULT_FIRST)
def gateway(request: pytest.FixtureRequest, watched: Watched, tmp_path: Path) -> Iterator[Gateway]:
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG)
    env = gateways.environment(watched.url, config)
    keys = Keys(gateways.make_key("acme", env), "")
    with (
        gateways.running(env, keys, tmp_path, request.param, 1) as gateway,
        brief(env, tmp_path),
    ):
        yield gateway


def kill_master(watched: Watched) -> None:
    """End whoever is master now, and return once another is."""
    _, port = named(watched)
    with redis.Redis(port=port, protocol=2) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    until(lambda: named(watched)[1] != port, "another master")


def named(watched: Watched) -> tuple[str, int]:
    host, port = watched.sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    return host, int(port)


def is_kept(gateway: Gateway, response_id: str) -> bool:
    """Tell whether a response has come to a good end; one that runs may still do so."""
    answer = gateway.call("GET", f"/v1/responses/{response_id}?wait=20")
    return answer.status_code == 200 and answer.json()["status"] == "completed"


def answers_again(callers: Callers) -> Callable[[], bool]:
    """Return what tells whether callers are promised something again."""
    before = len(callers.promised)
    return lambda: len(callers.promised) > before + AT_FIRST


def test_what_was_promised_survives_two_fail_overs(gateway: Gateway, watched: Watched) -> None:
    with Callers(gateway) as callers:
        until(answers_again(callers), "promises")
        watched.fail_over()
        until(lambda: watched.has_moved, "another master")
        go_on()
        until(answers_again(callers), "promises after a planned fail-over")
        kill_master(watched)
        until(answers_again(callers), "promises after the master's death")
    lost = [each for each in callers.promised if not is_kept(gateway, each)]
    assert lost == [], f"{len(lost)} of {len(callers.promised)} are lost; {callers.seen}"
    assert callers.seen.keys() <= {200, 202, 503}
