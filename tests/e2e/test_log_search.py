"""Keys and prompts are sent in every wrong way there is, at LOG_LEVEL=DEBUG, and looked for."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.e2e import gateway as gateways
from tests.e2e.config import APIS
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, Keys, running_worker
from tests.processes import PATIENCE_S, free_port, until
from tests.upstream.script import Fail, Script

PROMPT = "zqmy-doctor-said"
ANSWER = "zqyou-should-rest"
REDIS_PASSWORD = "zqhunter-of-redis"  # noqa: S105 - no secret, it plays one
WRONG_KEY = "sk-rg-zq0123456789abcdefghijABCDEFGHIJ0123456789abcdefghij"
FOREIGN_KINDS = (
    "AKIAZQ0123456789ABCD",
    "ghp_zq0123456789abcdef0123456789",
    "sk-proj-zqAbc123def456",
)
#: Enough of a key to find a part of it.
PART = 20


@dataclass
class Found:
    """What was written by whom, and what was answered."""

    logs: dict[str, Path] = field(default_factory=dict)
    refusals: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    sent: int = 0


def raw_cases(key: str) -> Iterator[bytes]:
    """Yield what is no HTTP, or hardly, with a key and a prompt where nobody expects them."""
    host = b"Host: gateway\r\n"
    login = b"Authorization: Bearer " + key.encode() + b"\r\n"
    both = f"{key} {PROMPT}".encode()
    heads = (
        b"Authorization Bearer " + both + b"\r\n",
        b"Authorization\x00: " + both + b"\r\n",
        b"Authorization : Bearer " + both + b"\r\n",
        b"X-Api-Key: " + both + b"\x01\r\n",
        b"X: 1\r\n Authorization: " + both + b"\r\n",
        both + b": 1\r\n",
        b"X_Api_Key: " + both + b"\r\n",
        b"Transfer-Encoding: " + both + b"\r\n",
        b"Content-Length: " + both + b"\r\n",
        b"Expect: " + both + b"\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: " + both + b"\r\n",
        b"Cookie: key=" + both + b"\r\n",
        b"X-Forwarded-Proto: " + both + b"\r\n",
        b"X-Long: " + both * 400 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (number, both) for number in range(120)),
        login + b"X-Request-ID: " + key.encode() + b"\r\n",
        login + b"X-Client-Request-Id: " + key.encode() + b"\r\n",
        login + b"traceparent: 00-" + both + b"\r\ntracestate: a=" + both + b"\r\n",
        b"Authorization: Basic " + base64.b64encode(both) + b"\r\n",
        b"Authorization: Bearer " + both + b"\r\n",
        login + b"x-api-key: " + WRONG_KEY.encode() + b"\r\n",
    )
    for head in heads:
        yield b"GET /v1/models HTTP/1.1\r\n" + host + head + b"\r\n"
    lines = (
        both + b" HTTP/1.1",
        key.encode() + b" / HTTP/1.1",
        b"GET /" + both + b" HTTP/1.1",
        b"GET / HTTP/" + both,
        b"GET /" + both * 400 + b" HTTP/1.1",
        b"GET /v1/responses/" + key.encode() + b"?api_key=" + key.encode() + b" HTTP/1.1",
        b"GET http://user:" + key.encode() + b"@gateway/ HTTP/1.1",
        b"PROXY TCP4 " + both,
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01" + both,
    )
    for line in lines:
        yield line + b"\r\n" + host + login + b"\r\n"
    post = b"POST /v1/responses HTTP/1.1\r\n" + host + login + b"Content-Type: application/json\r\n"
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
    yield chunked + both + b"\r\n"
    yield chunked + b"5;" + both + b"\x00\r\nhello\r\n0\r\n\r\n"
    yield chunked + b"5\r\nhello" + both
    yield chunked + b"-1\r\n" + both
    body = f'{{"model": "{key}", "input": "{PROMPT}"'.encode()
    yield post + b"Content-Length: %d\r\n\r\n" % len(body) + body
    yield post + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    yield post + b"Content-Length: 9999\r\n\r\n" + body


def mutants(key: str, count: int) -> Iterator[bytes]:
    """Yield a usual request with some of its bytes changed; the same ones in each run."""
    body = json.dumps({"model": "local/echo", "input": f"{PROMPT} {key}"}).encode()
    usual = (
        f"POST /v1/responses HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
        f"X-Request-ID: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    dice = random.Random(13)  # noqa: S311 - to be the same each time
    for _ in range(count):
        changed = bytearray(usual)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(changed))
            # Not within the key: who changes that sends another.
            if key.encode() not in bytes(changed[: at + 1]) or dice.random() < 0.5:
                changed[at : at + dice.randint(0, 1)] = dice.choice(
                    (b"\r\n", b"\x00", b" ", b":", b"\xff", b"\n", b"(", b"HTTP/1.1\r\n")
                )
        yield bytes(changed) + body


def send(url: str, request: bytes) -> bytes:
    """Return what comes of bytes that may be no HTTP, once the server, or we, have enough."""
    place = urlsplit(url)
    came = b""
    with (
        socket.create_connection((place.hostname, place.port), PATIENCE_S) as sock,
        contextlib.suppress(OSError),
    ):
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            came += piece
    return came


def bodies(key: str) -> Iterator[dict[str, Any]]:
    """Yield requests in JSON that are refused, or whose upstream fails and repeats our key."""
    result = f"no luck with {UPSTREAM_KEY} and Bearer {UPSTREAM_KEY} for {PROMPT}"
    yield {"model": key, "input": PROMPT}
    yield {"model": f"{PROMPT} {key}", "input": PROMPT}
    yield {"model": "local/echo", "input": [{"type": PROMPT, "content": key}]}
    yield {"model": "local/echo", "input": PROMPT, key: PROMPT, "temperature": key}
    yield {"model": "local/echo", "previous_response_id": key, "input": PROMPT}
    names = (("x-request-id", UPSTREAM_KEY), ("location", f"http://127.0.0.1:1/{UPSTREAM_KEY}"))
    for api in APIS:
        # One that is tried again takes seconds: once is enough.
        for status in (307, 400, 401, 404, 429, *((500,) if api == "chat" else ())):
            fault = {"message": result, "code": UPSTREAM_KEY, "type": UPSTREAM_KEY}
            error = {"error": fault | {"param": UPSTREAM_KEY}}
            fail = Fail(status=status, body=error, headers=names)
            model = f"{api}-status-{'503' if status == 500 else '400'}/m"
            for stream in (False, True) if status != 500 else (False,):
                text = Script(fail=fail, say=(ANSWER,)).text()
                yield {"model": model, "input": text, "stream": stream, "user": PROMPT}
        cut = Script(say=(ANSWER, PROMPT), error_after=1, error=Fail(status=500, message=result))
        yield {"model": f"{api}-stream-error/m", "input": cut.text(), "stream": True}
        yield {"model": f"{api}-stream-error/m", "input": cut.text(), "background": True}


def drive(gateway: Gateway, found: Found, mutations: int) -> None:
    """Send everything to a gateway."""
    key = gateway.keys.own
    for request in (*raw_cases(key), *raw_cases(WRONG_KEY), *mutants(key, mutations)):
        found.refusals.append(send(gateway.url, request))
        found.sent += 1
    found.metrics.append(gateway.call("GET", "/metrics", key=None).text)


def drive_upstreams(gateway: Gateway, found: Found) -> None:
    """Have upstreams repeat what they were sent, and what they were not."""
    key = gateway.keys.own
    for kind in FOREIGN_KINDS:
        found.answers.append(gateway.call("GET", f"/v1/models/{kind}", key=kind).text)
    for body in bodies(key):
        headers = {"Cookie": f"session={key}", "X-Api-Key": key}
        found.answers.append(gateway.call("POST", "/v1/responses", body, headers=headers).text)
        found.sent += 1
    found.metrics.append(gateway.call("GET", "/metrics", key=None).text)


def drive_without_redis(env: dict[str, str], directory: Path, found: Found) -> None:
    """Ask web and worker whose Redis, with a password, is away."""
    url = f"redis://user:{REDIS_PASSWORD}@127.0.0.1:{free_port()}"
    away = env | {"REDIS_URL": url, "WORKER_METRICS_BIND": ""}
    keys = Keys(WRONG_KEY, WRONG_KEY)
    worker_log = directory / "worker-away.log"
    with (
        running_worker(away, worker_log),
        gateways.running(away, keys, directory, "gevent", 1) as gateway,
    ):
        for path in ("/v1/models", "/readyz", "/metrics", f"/v1/responses/{WRONG_KEY}"):
            with contextlib.suppress(requests.RequestException):
                found.answers.append(gateway.call("GET", path).text)
        until(lambda: "Running consumer thread" in worker_log.read_text(), "the worker to begin")
    found.logs["web without redis"] = gateway.log_file
    found.logs["worker without redis"] = worker_log


@pytest.fixture(scope="module")
def found(
    with_faults: dict[str, str], keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Found:
    """Send all of it, and return what was written and answered."""
    found = Found(
        secrets=[PROMPT, ANSWER, REDIS_PASSWORD, *(each[:PART] for each in FOREIGN_KINDS)]
    )
    found.secrets += [each[:PART] for each in (keys.own, keys.foreign, WRONG_KEY, UPSTREAM_KEY)]
    found.secrets.append(base64.b64encode(keys.own[:15].encode()).decode())
    env = with_faults | {"LOG_LEVEL": "DEBUG", "WORKER_CONCURRENCY": "4"}
    worker_log = tmp_path_factory.mktemp("worker") / "worker.log"
    with running_worker(env, worker_log):
        for worker_class, mutations in (("gevent", 150), ("gthread", 50)):
            directory = tmp_path_factory.mktemp(worker_class)
            with gateways.running(env, keys, directory, worker_class, 1) as gateway:
                drive(gateway, found, mutations)
                if worker_class == "gevent":
                    drive_upstreams(gateway, found)
            found.logs[worker_class] = gateway.log_file
        until(lambda: worker_log.read_text().count('"event":"job"') >= 3, "all jobs to have ended")
    found.logs["worker"] = worker_log
    drive_without_redis(env, tmp_path_factory.mktemp("away"), found)
    return found


WRITERS = ("gevent", "gthread", "worker", "web without redis", "worker without redis")


@pytest.mark.parametrize("writer", WRITERS)
def test_no_log_holds_what_was_sent(found: Found, writer: str) -> None:
    lines = found.logs[writer].read_text().splitlines()
    assert len(lines) > 5
    assert [line for line in lines if any(secret in line for secret in found.secrets)] == []


@pytest.mark.parametrize("writer", WRITERS)
def test_every_line_is_json_with_an_event(found: Found, writer: str) -> None:
    lines = [json.loads(line) for line in found.logs[writer].read_text().splitlines()]
    assert [line for line in lines if not {"event", "level", "timestamp"} <= line.keys()] == []


@pytest.mark.parametrize("writer", ["gevent", "gthread"])
def test_what_could_not_be_read_is_in_the_log_by_its_kind(found: Found, writer: str) -> None:
    log = found.logs[writer].read_text()
    assert "Invalid request: <InvalidHeader>" in log
    assert "Invalid request: <LimitRequestLine>" in log


def test_what_cannot_be_read_is_not_repeated_in_its_refusal(found: Found) -> None:
    refused = [each for each in found.refusals if each.startswith(b"HTTP/1.1 4")]
    unread = [each for each in refused if b"Connection: close" in each]
    assert len(unread) > 50
    secrets = [secret.encode() for secret in found.secrets]
    assert [each for each in unread if any(secret in each for secret in secrets)] == []


def test_no_answer_holds_what_is_ours(found: Found) -> None:
    ours = (UPSTREAM_KEY[:PART], REDIS_PASSWORD)
    assert [each for each in found.answers if any(secret in each for secret in ours)] == []


def test_no_metric_holds_what_was_sent(found: Found) -> None:
    assert found.metrics
    output = "".join(found.metrics)
    assert [secret for secret in found.secrets if secret in output] == []
