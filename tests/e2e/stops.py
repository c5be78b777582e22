"""A gateway that is told to stop or to reload while it answers, and what its callers see."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests

from app.stream_check.checker import check_stream
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.wire import RawCall, parsed, post_bytes
from tests.processes import PATIENCE_S, ROOT, free_port, is_alive, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

RESTARTING = "the gateway is being restarted"
GRACE_S = 6
#: The command of deploy/responses-gateway-web.service, without its folder.
UNIT = next(
    line.partition("/.venv/bin/")[2].split()
    for line in (ROOT / "deploy" / "responses-gateway-web.service").read_text().splitlines()
    if line.startswith("ExecStart=")
)


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway whose processes can be sent signals."""

    process: subprocess.Popen[bytes]
    gateway: Gateway
    config: Path

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.gateway.log_file.read_text()

    def signal(self, sent: signal.Signals) -> None:
        """Send the master a signal."""
        self.process.send_signal(sent)

    def workers(self, master: int = 0) -> set[int]:
        """Return the pids of a master's workers."""
        children = psutil.Process(master or self.process.pid).children()
        return {each.pid for each in children if is_alive(each)}

    def gauge(self, name: str) -> float:
        """Return what /metrics says of a gauge."""
        text = self.gateway.call("GET", "/metrics", key=None).text
        (line,) = [each for each in text.splitlines() if each.startswith(name + " ")]
        return float(line.split()[1])

    def models(self) -> set[str]:
        """Return the models that are offered now."""
        listed = self.gateway.call("GET", "/v1/models").json()["data"]
        return {each["id"] for each in listed}


@contextlib.contextmanager
def site(
    env: Mapping[str, str],
    keys: Keys,
    folder: Path,
    toml: str,
    *,
    worker_class: str = "gevent",
    options: Sequence[str] = (),
    processes: int = 1,
    descriptors: tuple[int, int] | None = None,
) -> Iterator[Site]:
    """Run the web unit's own command; whatever it has started ends with the block."""
    config = folder / "gateway.toml"
    config.write_text(toml)
    port = free_port()
    variables = {
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(processes),
        "WORKER_CLASS": worker_class,
        "SPOOL_DIR": str(folder / "spool"),
        "GATEWAY_CONFIG": str(config),
    }
    log_file = folder / "web.log"
    with log_file.open("wb") as log, requests.Session() as session:
        session.trust_env = False
        session.headers["Connection"] = "close"
        process = subprocess.Popen(  # noqa: S603 - the command is our own
            [str(Path(sys.executable).with_name(UNIT[0])), *UNIT[1:], *options],
            env={**env, **variables},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(_limit, descriptors),
        )
        gateway = Gateway(f"http://127.0.0.1:{port}", keys, log_file, session)
        try:
            until(lambda: _is_up(gateway, process), "gunicorn to answer")
            yield Site(process, gateway, config)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _limit(descriptors: tuple[int, int] | None) -> None:
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)


def _is_up(gateway: Gateway, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, gateway.log_file.read_text()
    try:
        return gateway.call("GET", "/healthz", key=None).status_code == 200
    except requests.ConnectionError:
        return False


@dataclass
class OpenRequest:
    """One request that is answered in a thread of its own, and what came of it."""

    gateway: Gateway
    script: Script
    stream: bool
    body: bytes = b""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    _thread: threading.Thread | None = None

    def start(self) -> OpenRequest:
        """Ask."""
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def _ask(self) -> None:
        body = {"model": "steady", "input": self.script.text(), "stream": self.stream}
        try:
            with contextlib.closing(
                RawCall(self.gateway.url, post_bytes("/v1/responses", self.gateway.keys.own, body))
            ) as call:
                call.socket.settimeout(PATIENCE_S)
                self.status, self.headers = call.head()
                self.body = call.whole() if "content-length" in self.headers else call.body()
        except (OSError, AssertionError) as error:
            self.fault = f"{type(error).__name__}: {error}"

    def end(self) -> OpenRequest:
        """Wait for its end."""
        assert self._thread is not None
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), self.script
        return self

    @property
    def last(self) -> dict[str, Any]:
        """The last event of a stream, which has to be well-formed to its end."""
        assert (self.status, self.fault) == (200, ""), self
        check_stream(self.body.splitlines(keepends=True))
        events = [event for frame in self.body.split(b"\n\n") if (event := parsed(frame))]
        return events[-1]


def load(site: Site, upstream: Upstream, name: str) -> dict[str, OpenRequest]:
    """Have answers of every kind under way: two that end soon, the others never by themselves."""
    scripts = {
        "soon": (Script(tag=f"{name} soon", say=("one ", "two"), stall_after=1), True),
        "soon whole": (Script(tag=f"{name} soon whole", say="hello", stall_after=0), False),
        "speaking": (Script(tag=f"{name} speaking", say=("one ", "two"), stall_after=1), True),
        "thinking": (Script(tag=f"{name} thinking", reasoning="hm", stall_after=1), True),
        "whole": (Script(tag=f"{name} whole", say="hello", stall_after=-1), False),
    }
    started = {
        kind: OpenRequest(site.gateway, script, stream).start()
        for kind, (script, stream) in scripts.items()
    }
    for script, _ in scripts.values():
        upstream.wait(script.tag, "stalled")
    return started


def release(upstream: Upstream, name: str) -> None:
    for kind in ("soon", "soon whole"):
        upstream.release(f"{name} {kind}")


def is_refused(site: Site) -> bool:
    place = urlsplit(site.gateway.url)
    try:
        socket.create_connection((place.hostname, place.port), PATIENCE_S).close()
    except ConnectionResetError:
        return False  # it was let in by a socket that is being closed
    except ConnectionRefusedError:
        return True
    return False


def assert_ended_in_order(site: Site, started: dict[str, OpenRequest], url: str = "") -> None:
    """Hold what callers saw of a load that was stopped to the contract, and what is kept of it."""
    for each in started.values():
        each.end()
    assert started["soon"].last["type"] == "response.completed"
    assert started["soon whole"].status == 200
    for kind in ("speaking", "thinking"):
        last = started[kind].last
        assert (last["type"], last["response"]["error"]["code"]) == (
            "response.failed",
            "server_error",
        )
        assert RESTARTING in last["response"]["error"]["message"]
        assert b"event: error" in started[kind].body
    whole = started["whole"]
    assert (whole.status, whole.headers["x-should-retry"]) == (503, "false")
    error = json.loads(whole.body)["error"]
    assert error["type"] == "server_error"
    assert RESTARTING in error["message"]


def assert_kept(site: Site, started: dict[str, OpenRequest]) -> None:
    """Hold what can be fetched afterwards to what was said."""
    for kind in ("soon", "speaking", "thinking"):
        result = started[kind].last["response"]
        kept = site.gateway.get(result["id"])
        assert kept.status_code == 200, kept.text
        assert kept.json() == result
    assert started["speaking"].last["response"]["output_text"] == "one "


def answers(site: Site) -> bool:
    try:
        return site.gateway.call("GET", "/healthz", key=None).status_code == 200
    except requests.ConnectionError:
        return False
