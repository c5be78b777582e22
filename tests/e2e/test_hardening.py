"""What somebody who means harm sends: the gateway answers it, and nothing else happens."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.gateway import REDIS_PREFIX, Gateway
from tests.e2e.wire import RawCall, post_bytes
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

HELLO = {"model": "steady", "input": "hello"}
#: A header, a line of the log, a command of Redis: whatever a line break might begin.
BREAKS = {
    "header": "\r\nX-Evil: 1",
    "answer": "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "newline": "\nX-Evil: 1",
    "redis": "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "nul": "\x00",
    "log": '\n{"event":"request","request_id":"forged"}',
    "terminal": "\x1b[2J",
    "separator": "\u2028\u0085",
}


def sent(gateway: Gateway, data: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the gateway hangs up."""
    place = urlsplit(gateway.url)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as caller:
        caller.sendall(data)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def get(gateway: Gateway, target: str, *headers: str) -> bytes:
    """Return what comes of a request whose first line and headers nobody has looked at."""
    lines = (
        f"GET {target} HTTP/1.1",
        "Host: gateway",
        "Connection: close",
        f"Authorization: Bearer {gateway.keys.own}",
        *headers,
    )
    return sent(gateway, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def status_of(answer: bytes) -> int:
    """Return the status of the one answer that came."""
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    return int(answer.split(b" ", 2)[1])


# line breaks, wherever a value goes


@pytest.mark.parametrize("harm", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses/resp_1{}",
        "/v1/responses/resp_1{}/input_items",
        "/v1/responses?include[]={}",
        "/v1/models/steady{}",
        "/v1/usage?from={}",
        "/nowhere{}",
    ],
)
def test_a_path_breaks_out_of_nothing(gateway: Gateway, path: str, harm: str) -> None:
    answer = get(gateway, path.format(quote(harm, safe="")))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) in (200, 400, 404)
    assert b"X-Evil" not in head
    json.loads(body)


@pytest.mark.parametrize("harm", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize(
    "body",
    [
        {"model": "steady{}"},
        {"model": "chat/steady{}"},
        {"steady{}": 1},
        {"metadata": {"a{}": "b{}"}},
        {"previous_response_id": "resp_1{}"},
        {"input": [{"type": "item_reference", "id": "msg_1{}"}]},
        {"input": [{"role": "user", "content": "hello", "id": "msg_1{}"}]},
        {"prompt_cache_key": "{}", "user": "{}", "safety_identifier": "{}"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_a_body_breaks_out_of_nothing(
    gateway: Gateway, upstream: Upstream, body: dict[str, Any], harm: str
) -> None:
    upstream.reset()
    data = json.loads(json.dumps(HELLO | body).replace("{}", json.dumps(harm)[1:-1]))
    answer = gateway.call("POST", "/v1/responses", data)
    assert answer.status_code in (200, 400, 404)
    assert "X-Evil" not in answer.headers
    assert [seen for seen in upstream.requests() if "x-evil" in seen["headers"]] == []
    assert {seen["path"] for seen in upstream.requests()} <= {"/v1/chat/completions"}


def test_nothing_that_was_sent_is_a_line_of_the_log(gateway: Gateway) -> None:
    for harm in BREAKS.values():
        gateway.call("POST", "/v1/responses", HELLO | {"model": f"steady{harm}"})
        get(gateway, "/v1/models/" + quote(harm, safe=""), f"X-Request-ID: a{quote(harm)}")
    gateway.call("GET", "/v1/models", headers={"X-Request-ID": "after-the-harm"})
    gateway.logged(event="request", request_id="after-the-harm")
    assert gateway.log_lines(request_id="forged") == []
    assert "\x1b" not in gateway.log_file.read_text()


def test_redis_takes_no_command_from_a_caller(gateway: Gateway, redis_url: str) -> None:
    harm = BREAKS["redis"]
    named = [{"role": "user", "content": harm, "id": f"msg_1{harm}"}]
    gateway.call("POST", "/v1/responses", HELLO | {"input": named, "metadata": {harm: harm}})
    with redis.Redis.from_url(redis_url) as client:
        assert client.exists(f"{REDIS_PREFIX}{{accounts}}:keys")


def test_the_metrics_can_still_be_read(gateway: Gateway) -> None:
    get(gateway, '/v1/models/%0a"}%20gateway_forged%201%0a')
    sent(gateway, b'BREW"}\n /v1/models HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n')
    families = text_string_to_metric_families(gateway.call("GET", "/metrics", key=None).text)
    assert "gateway_forged" not in {family.name for family in families}


UNREADABLE = {
    "a line too long": ("/v1/models/" + "a" * 9000, [], 414),
    "a header too long": ("/v1/models", ["X: " + "sk-secret" * 2000], 431),
    "a header without a colon": ("/v1/models", ["sk-secret"], 400),
    "an expectation": ("/v1/models", ["Expect: sk-secret"], 417),
    "a coding": ("/v1/models", ["Transfer-Encoding: sk-secret"], 501),
}


@pytest.mark.parametrize(("target", "lines", "status"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_http_is_refused_in_the_envelope(
    gateway: Gateway, target: str, lines: list[str], status: int
) -> None:
    answer = get(gateway, target, *lines)
    assert status_of(answer) == status
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["type"] == "invalid_request_error"
    assert b"sk-secret" not in answer


def test_a_tls_handshake_at_the_plain_port_is_refused_in_words(gateway: Gateway) -> None:
    answer = sent(gateway, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
    assert status_of(answer) == 400
    assert b"plain HTTP" in answer
    until(lambda: "A TLS handshake" in gateway.log_file.read_text(), "the log to say so")


# parameters


@pytest.mark.parametrize("api", ["chat", "responses", "anthropic"])
def test_what_the_api_does_not_know_never_reaches_an_upstream(
    gateway: Gateway, upstream: Upstream, api: str
) -> None:
    tag = f"unknown to {api}"
    harm = {
        "api_key": "sk-other",
        "base_url": "http://127.0.0.1:9",
        "extra_headers": {"X-Evil": "1"},
        "extra_body": {"n": 50},
        "best_of": 50,
        "suffix": ".",
    }
    gateway.create(Script(tag=tag).text(), model=f"{api}/m", **harm)
    (seen,) = upstream.requests(tag)
    assert [name for name in harm if name in seen["body"]] == []
    assert "x-evil" not in seen["headers"]


@pytest.mark.parametrize("header", ["X_API_KEY", "x_api_key", "AUTHORIZATION_", "HTTP_X_API_KEY"])
def test_a_header_is_not_taken_for_another(gateway: Gateway, header: str) -> None:
    request = f"GET /v1/models HTTP/1.1\r\nHost: gateway\r\n{header}: {gateway.keys.own}\r\n"
    answer = sent(gateway, (request + "Connection: close\r\n\r\n").encode())
    assert status_of(answer) == 401


def test_two_keys_are_none(gateway: Gateway) -> None:
    answer = get(gateway, "/v1/models", f"Authorization: Bearer {gateway.keys.foreign}")
    assert status_of(answer) == 401


# paths

TRICKS = [
    "/v1/../metrics",
    "/v1/responses/../../metrics",
    "/v1/responses/..%2f..%2fmetrics",
    "/v1/responses/%2e%2e/models",
    "/v1/responses/resp_1/../input_items",
    "/v1/responses/.",
    "/v1/responses//cancel",
    "//v1/responses",
    "/v1//models",
    "/V1/models",
    "/v1/models;jsessionid=1",
    "/v1/responses%00",
    "/v1/responses/%c0%ae%c0%ae/",
    "/v1/responses/%ff",
    "/static/../wsgi.py",
    "/static/wsgi.py",
    "/.env",
    "/v1/responses/" + "a" * 8000,
]


@pytest.mark.parametrize("target", TRICKS, ids=lambda target: target[:40])
def test_a_path_leads_nowhere_but_where_it_says(gateway: Gateway, target: str) -> None:
    answer = get(gateway, target)
    assert status_of(answer) in (400, 404, 405)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] in (
        "invalid_request_error",
        "not_found_error",
    )


@pytest.mark.parametrize("target", ["http://elsewhere/v1/models", "/v1/models?x=/../../metrics"])
def test_no_path_gets_past_the_keys(gateway: Gateway, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
    assert status_of(sent(gateway, request.encode())) == 401


# addresses in what is sent: they are for the model's server to fetch, never for us


@dataclass
class Trap:
    """An address that nobody is to visit."""

    listener: socket.socket

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/latest/meta-data"

    def was_visited(self) -> bool:
        """Tell whether somebody has connected."""
        self.listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.listener.accept()[0].close()
            return True
        return False


@pytest.fixture
def trap() -> Iterator[Trap]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Trap(listener)


@pytest.mark.parametrize("api", ["chat", "responses", "anthropic"])
@pytest.mark.parametrize("kind", ["image", "file"])
def test_no_address_that_a_caller_sends_is_visited(
    gateway: Gateway, trap: Trap, api: str, kind: str
) -> None:
    part = {"type": f"input_{kind}", f"{kind}_url": trap.url}
    for stream in (False, True):
        gateway.call(
            "POST",
            "/v1/responses",
            {
                "model": f"{api}/m",
                "input": [{"role": "user", "content": [part]}],
                "stream": stream,
            },
        )
    assert not trap.was_visited()


# bodies


def test_a_body_that_comes_drop_by_drop_holds_up_nobody(either_gateway: Gateway) -> None:
    head, _, body = post_bytes("/v1/responses", either_gateway.keys.own, HELLO).partition(
        b"\r\n\r\n"
    )
    slow = [RawCall(either_gateway.url, head + b"\r\n\r\n" + body[:1]) for _ in range(30)]
    either_gateway.create("hello")
    for call in slow:
        call.socket.sendall(body[1:])
    assert [call.head()[0] for call in slow] == [200] * 30
    for call in slow:
        call.close()
