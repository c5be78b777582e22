"""A whole gateway: gunicorn as it is deployed, and what a client needs to use it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from openai.types.responses import Response as OpenAIResponse

from app.cli.keys import keys as keys_command
from app.factory import create_app
from app.settings import Settings
from tests.e2e.wire import Stream, stream_of
from tests.processes import PATIENCE_S, PROGRAM, free_port, started, until

REDIS_PREFIX = "e2e:"
#: The default class of worker, and for `make thorough` the other: where that is not what is tried.
DEFAULT_FIRST = ("gevent", pytest.param("gthread", marks=pytest.mark.thorough))


@dataclass(frozen=True, slots=True)
class Keys:
    """One key of each of two accounts."""

    own: str = field(repr=False)
    foreign: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway. `log_file` is what it wrote to stderr."""

    url: str
    keys: Keys
    log_file: Path
    session: requests.Session

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Make a request with the own key, another or (None) none."""
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key or self.keys.own}"
        return self.session.request(
            method, self.url + path, json=body, headers=sent, timeout=PATIENCE_S
        )

    def create(self, content: str | list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Create a response that has to succeed, whole, and return it."""
        answer = self.call("POST", "/v1/responses", {"model": "steady", "input": content} | more)
        assert answer.status_code == 200, answer.text
        OpenAIResponse.model_validate_json(answer.content, strict=True)
        shown: dict[str, Any] = answer.json()
        return shown

    def stream(self, content: str | list[dict[str, Any]], **more: Any) -> Stream:
        """Create a response that has to begin, streamed, and return what came."""
        body = {"model": "steady", "input": content, "stream": True} | more
        answer = self.call("POST", "/v1/responses", body)
        assert answer.status_code == 200, answer.text
        return stream_of(answer.content)

    def get(self, response_id: str, *, key: str = "") -> requests.Response:
        """Ask for a stored response."""
        return self.call("GET", f"/v1/responses/{response_id}", key=key)

    def log_lines(self, **wanted: str) -> list[dict[str, Any]]:
        """Return the log's lines, those of them that say what is wanted."""
        lines = [
            json.loads(line)
            for line in self.log_file.read_text().rpartition("\n")[0].splitlines()  # whole ones
            if line.startswith("{")
        ]
        return [line for line in lines if wanted.items() <= line.items()]

    def logged(self, **wanted: str) -> dict[str, Any]:
        """Return the one line of the log that says what is wanted, once it is there."""
        until(lambda: bool(self.log_lines(**wanted)), f"a log line with {wanted}")
        (line,) = self.log_lines(**wanted)
        return line


def make_key(account: str, env: Mapping[str, str]) -> str:
    """Have the command line make a key."""
    key: str = keys(env, "create", "--account", account)["key"]
    return key


def keys(env: Mapping[str, str], *words: str) -> dict[str, Any]:
    """Give a command about keys; return its JSON."""
    (said,) = command(env, keys_command, *words)
    return said


def command(
    env: Mapping[str, str], command: click.Command, *words: str, may_fail: bool = False
) -> list[dict[str, Any]]:
    """Give a command in this process, which has imported what it needs; return its JSON lines."""
    app = create_app(Settings.from_env(env))
    result = app.test_cli_runner().invoke(command, [*words, "--json"])
    assert may_fail or result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def environment(redis_url: str, config: Path, **more: str) -> dict[str, str]:
    """Return the environment of the gateway's processes: nothing of the developer's own."""
    return {
        "PATH": os.defpath,
        "REDIS_URL": redis_url,
        "REDIS_PREFIX": REDIS_PREFIX,
        "GATEWAY_CONFIG": str(config),
        "LOG_FORMAT": "json",
        "WORKER_LEASE_S": "2",
        # Where the network has no resolver, a name shall fail soon.
        "RES_OPTIONS": "timeout:1 attempts:1",
    } | more


@contextlib.contextmanager
def running(
    env: Mapping[str, str],
    keys: Keys,
    directory: Path,
    worker_class: str,
    processes: int,
    *more: str,
) -> Iterator[Gateway]:
    """Run gunicorn as it is deployed, on a free port; `more` are arguments of its own."""
    port = free_port()
    log_file = directory / f"{worker_class}.log"
    variables = {
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(processes),
        "WORKER_CLASS": worker_class,
    }
    spool = {"SPOOL_DIR": str(directory / f"spool-{worker_class}")}
    argv = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", *more, "wsgi:app"]
    url = f"http://127.0.0.1:{port}"
    with (
        log_file.open("wb") as log,
        started(argv, env={**spool, **env, **variables}, stdout=log, stderr=log) as process,
        # Closed before gunicorn is stopped, which waits for the connections that are open.
        requests.Session() as session,
    ):
        session.trust_env = False

        def is_ready() -> bool:
            assert process.poll() is None, log_file.read_text()
            return _is_healthy(url)

        until(is_ready, f"gunicorn with {worker_class} to answer")
        yield Gateway(url, keys, log_file, session)


@contextlib.contextmanager
def running_worker(env: Mapping[str, str], log_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of background responses; what it writes to stderr goes to the file."""
    with (
        log_file.open("wb") as log,
        started([PROGRAM, "worker"], env=env, stdout=log, stderr=log) as worker,
    ):
        yield worker


def _is_healthy(url: str) -> bool:
    try:
        return requests.get(url + "/healthz", timeout=PATIENCE_S).status_code == 200
    except requests.ConnectionError:
        return False
