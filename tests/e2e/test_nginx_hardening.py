"""What nginx as it is shipped keeps away from the gateway."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.e2e.wire import post_bytes
from tests.processes import PATIENCE_S

HELLO = {"model": "steady", "input": "hello"}

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
def hasty(gevent_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway behind an nginx that waits for a second where it is shipped to wait for many."""
    directory = tmp_path_factory.mktemp("hasty")
    variables = {"client_header_timeout": "1s", "client_body_timeout": "1s"}
    with running_nginx(gevent_gateway.url, directory, **variables) as url:
        yield replace(gevent_gateway, url=url)


def sent(gateway: Gateway, data: bytes, *, whence: str = "127.0.0.1") -> bytes:
    """Send bytes from an address, and return all that comes back until the other side hangs up."""
    place = urlsplit(gateway.url)
    with socket.create_connection(
        (place.hostname, place.port), PATIENCE_S, source_address=(whence, 0)
    ) as caller:
        caller.sendall(data)
        return b"".join(iter(lambda: caller.recv(65536), b""))


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_request_that_comes_drop_by_drop_never_reaches_the_gateway(
    hasty: Gateway, part: str
) -> None:
    headers = f"X-Request-ID: slow-{part}\r\n"
    whole = post_bytes("/v1/responses", hasty.keys.own, HELLO, headers)
    cut = whole.index(b"\r\n\r\n") + (-10 if part == "head" else 6)
    result = sent(hasty, whole[:cut])
    assert result == b"" or result.startswith(b"HTTP/1.1 408")
    hasty.call("GET", "/v1/models", headers={"X-Request-ID": f"after-slow-{part}"})
    hasty.logged(event="request", request_id=f"after-slow-{part}")
    assert hasty.log_lines(request_id=f"slow-{part}") == []


@pytest.mark.parametrize(
    "target",
    [
        "/metrics",
        "//metrics",
        "/./metrics",
        "/v1/../metrics",
        "/%6detrics",
        "/metrics?x",
        "/metrics/",
        "/metrics%00",
        "/metrics;x",
        "/METRICS",
        "http://127.0.0.1/metrics",
    ],
)
def test_metrics_are_not_for_everybody(hasty: Gateway, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    result = sent(
        hasty, (request + "X-Forwarded-For: 127.0.0.1\r\n\r\n").encode(), whence="127.0.0.2"
    )
    assert result.split(b" ", 2)[1] in (b"400", b"403", b"404")
    assert b"gateway_requests" not in result


def test_metrics_are_for_the_platform(hasty: Gateway) -> None:
    assert "gateway_requests" in hasty.call("GET", "/metrics", key=None).text


#: What nginx does not hand on: the first line and the headers, and the status.
REFUSED = {
    "no HTTP": ("BREW", "", 400),
    "another version": ("GET /v1/models HTTP/2.0", "", 505),
    "a bad escape": ("GET /v1/models/%zz HTTP/1.1", "", 400),
    "no host": ("GET /v1/models HTTP/1.1", "", 400),
    "two hosts": ("GET /v1/models HTTP/1.1", "Host: b\r\nHost: c", 400),
    "two lengths": ("POST /v1/responses HTTP/1.1", "Host: b\r\nContent-Length: 1, 2", 400),
    "a method": ("TRACE /v1/models HTTP/1.1", "Host: b", 405),
    "a long line": (f"GET /{'a' * 21_000} HTTP/1.1", "Host: b", 414),
    "a long header": ("GET /v1/models HTTP/1.1", f"Host: b\r\nX: {'a' * 21_000}", 431),
    "a coding": ("POST /v1/responses HTTP/1.1", "Host: b\r\nTransfer-Encoding: gzip", 501),
    "its own places": ("GET /-/refused HTTP/1.1", "Host: b\r\nConnection: close", 404),
}


@pytest.mark.parametrize(("line", "headers", "status"), REFUSED.values(), ids=REFUSED)
def test_what_nginx_refuses_it_refuses_in_the_apis_words(
    hasty: Gateway, line: str, headers: str, status: int
) -> None:
    answer = sent(hasty, f"{line}\r\n{headers}\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split(b" ", 2)[1]) == status
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert b"\r\nX-Request-ID: " in head
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] in ("invalid_request_error", "not_found_error")


def test_metrics_are_refused_in_the_apis_words(hasty: Gateway) -> None:
    request = "GET /metrics HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    head, _, body = sent(hasty, request.encode(), whence="127.0.0.2").partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[1] == b"403"
    assert json.loads(body)["error"]["type"] == "permission_denied_error"
