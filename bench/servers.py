"""The servers under load: started as in a deployment, each on its own port."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from bench.accounting import Serving
from bench.questions import Question
from tests.e2e.gateway import environment, make_key
from tests.processes import free_port, started, until
from tests.upstream.client import Upstream

HOST = "127.0.0.1"
PREFIX = "bench:"

_GATEWAY_TOML = """
[providers.chat]
api = "chat_completions"
base_url = "{url}/v1"
api_key_env = "UPSTREAM_KEY"
models = ["steady"]

[websocket]
max_sessions_per_key = 1000
"""
_FLOOR = (
    # An empty configuration: else gunicorn would load the gateway's from this folder.
    *("--config", "python:bench"),
    *("--worker-class", "gevent", "--worker-connections", "4000", "--keep-alive", "75"),
    *("--backlog", "4096", "--no-control-socket", "bench.floor:app"),
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test; `marker` occurs once in each event of its streams."""

    name: str
    port: int
    dialect: Literal["responses", "chat"]
    key: str
    serving: Serving

    @property
    def marker(self) -> str:
        """The text that each event of a streamed answer contains once."""
        if self.dialect == "responses":
            return "event: response.output_text.delta"
        return '"delta":{"content":"word'

    def request(self, question: Question) -> str:
        """Return a question as an HTTP request."""
        path = "/v1/responses" if self.dialect == "responses" else "/v1/chat/completions"
        body = json.dumps(getattr(question, self.dialect))
        return (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nUser-Agent: bench\r\n"
            f"Accept: application/json\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )

    def head(self) -> str:
        """Return the head of a request to the gateway, with `%d` for the body's length."""
        return (
            f"POST /v1/responses HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nUser-Agent: bench\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n"
        )

    def handshake(self) -> str:
        """Return the request that opens a WebSocket to the gateway."""
        return (
            f"GET /v1/responses HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nUser-Agent: bench\r\n"
            f"Authorization: Bearer {self.key}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """What the servers share: a Redis, an upstream, a directory, and one of the gateway's keys."""

    redis_url: str
    upstream: Upstream
    env: Mapping[str, str]
    directory: Path
    key: str


def place(redis_url: str, upstream: Upstream, directory: Path) -> Place:
    """Prepare what servers share, and return it."""
    config = directory / "gateway.toml"
    config.write_text(_GATEWAY_TOML.format(url=upstream.places.url))
    env = environment(redis_url, config, UPSTREAM_KEY="none", REDIS_PREFIX=PREFIX)
    return Place(redis_url, upstream, env, directory, make_key("bench", env))


@contextlib.contextmanager
def gateway(where: Place, processes: int) -> Iterator[Server]:
    """Run the gateway as in a deployment."""
    port = free_port()
    variables = {
        "BIND": f"{HOST}:{port}",
        "WEB_CONCURRENCY": str(processes),
        "SPOOL_DIR": str(where.directory / f"spool-{processes}"),
    }
    argv = (sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app")
    with serving(argv, {**where.env, **variables}, port, processes, where.directory) as workers:
        yield Server("gateway", port, "responses", where.key, workers)


@contextlib.contextmanager
def floor(where: Place, processes: int) -> Iterator[Server]:
    """Run the naive pass-through on the same kind of worker."""
    port = free_port()
    env = {**where.env, "FLOOR_UPSTREAM": where.upstream.places.url + "/v1/chat/completions"}
    options = ("--bind", f"{HOST}:{port}", "--workers", str(processes))
    argv = (sys.executable, "-m", "gunicorn", *options, *_FLOOR)
    with serving(argv, env, port, processes, where.directory) as workers:
        yield Server("floor", port, "chat", "none", workers)


def direct(where: Place) -> Server:
    """Return the upstream itself, to measure without any server in between."""
    port = int(where.upstream.places.url.rsplit(":", 1)[1])
    return Server("direct", port, "chat", "none", Serving(()))


@contextlib.contextmanager
def serving(
    argv: tuple[str, ...], env: Mapping[str, str], port: int, workers: int, directory: Path
) -> Iterator[Serving]:
    """Run a server and wait until it answers; with `workers` 0 the process itself serves."""
    log_file = directory / f"{port}.log"
    with log_file.open("wb") as log, started(argv, env=env, stdout=log, stderr=log) as process:
        parent = psutil.Process(process.pid)

        def is_ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(log_file.read_text())
            return len(parent.children()) == workers and _answers(port)

        until(is_ready, f"{argv} to answer")
        yield Serving(parent.children() or [parent])


def _answers(port: int) -> bool:
    """Tell whether the server responds.

    Connections are accepted while a worker still loads the app, which takes seconds on a busy
    machine: the first measurement would include that.
    """
    request = f"GET /healthz HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((HOST, port), 30) as caller:
            caller.sendall(request.encode())
            return bool(caller.recv(1))
    except OSError:
        return False
