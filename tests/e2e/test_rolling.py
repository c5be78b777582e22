"""Two web services behind nginx are restarted one after the other under load: nobody notices."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.e2e.gateway import Keys
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.e2e.webs import Web, two_webs
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

CALLERS = 4

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture
def webs(environment: dict[str, str], tmp_path: Path) -> Iterator[list[Web]]:
    with two_webs(environment, tmp_path) as running:
        yield running


@dataclass
class Load:
    """Callers who ask for whole answers and streams in turn; what went wrong is in `faults`."""

    url: str
    key: str
    over: threading.Event = field(default_factory=threading.Event)
    answered: int = 0
    faults: list[str] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for each in self._threads:
            each.join(PATIENCE_S)

    def _ask(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.key}"
            number = 0
            while not self.over.is_set():
                number += 1
                self._one(session, stream=number % 2 == 0)

    def _one(self, session: requests.Session, *, stream: bool) -> None:
        script = Script(events=5, interval_s=0.02)
        body = {"model": "steady", "input": script.text(), "stream": stream}
        try:
            answer = session.post(f"{self.url}/v1/responses", json=body, timeout=PATIENCE_S)
            text = answer.text
        except requests.RequestException as error:
            self.faults.append(f"{type(error).__name__}: {error}")
            return
        done = "event: response.completed" in text if stream else '"status":"completed"' in text
        if answer.status_code == 200 and done:
            self.answered += 1
        else:
            self.faults.append(f"{answer.status_code} {text[-300:]}")


def test_a_rolling_deploy_fails_no_request(
    webs: list[Web], keys: Keys, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.reset()
    two = webs[1]
    urls = [each.url for each in webs]
    with (
        running_nginx(urls[0], tmp_path, others=urls[1:]) as url,
        Load(url, keys.own) as load,
    ):
        for each in webs:
            each.stop()
            each.start()
            each.served()
        assert two.process is not None
        two.process.send_signal(signal.SIGHUP)
        until(lambda: '"event":"config_reloaded"' in two.log, "the reload")
        enough = load.answered + 50
        until(lambda: load.answered > enough or bool(load.faults), "more answers")
    assert load.faults == []
