"""Two web services behind nginx are restarted one after the other under load: nobody notices."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.e2e.gateway import Keys
from tests.e2e.stops import UNIT
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.processes import ROOT, free_port, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

CALLERS = 4
PATIENCE_S = 30

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Web:
    """A web service that can be started anew where it was."""

    env: Mapping[str, str]
    log_file: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it."""
        variables = {"BIND": f"127.0.0.1:{self.port}", "WEB_CONCURRENCY": "1"}
        argv = [str(Path(sys.executable).with_name(UNIT[0])), *UNIT[1:]]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the unit's own
                argv, env={**self.env, **variables}, cwd=ROOT, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Wait until it serves."""
        until(self._is_up, "web to answer")

    def served(self) -> None:
        """Wait until a caller has come to it."""
        until(lambda: '"event":"request"' in self.log_file.read_text(), "nginx to use it again")

    def stop(self) -> None:
        """Stop it as a service is stopped."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log_file.read_text()
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=PATIENCE_S).ok
        return False


@pytest.fixture
def webs(environment: dict[str, str], tmp_path: Path) -> Iterator[list[Web]]:
    made = []
    for name in ("one", "two"):
        env = {**environment, "SPOOL_DIR": str(tmp_path / f"spool-{name}")}
        made.append(Web(env, tmp_path / f"{name}.log"))
    try:
        for each in made:
            each.launch()
        for each in made:
            each.wait()
        yield made
    finally:
        for each in made:
            if each.process is not None:
                each.process.kill()
                each.process.wait()


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
    urls = [f"http://127.0.0.1:{each.port}" for each in webs]
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
        until(lambda: '"event":"config_reloaded"' in two.log_file.read_text(), "the reload")
        enough = load.answered + 50
        until(lambda: load.answered > enough or bool(load.faults), "more answers")
    assert load.faults == []
