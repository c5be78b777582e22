"""Nothing hides between two requests: not in gunicorn, and not between nginx and gunicorn.

Each request here can be read in two ways, and hides another one that would be a request of its
own in one of them. It is followed by an honest one on the same connection, and by others' on
theirs: the gateway must never serve what was hidden, and never mistake one answer for another's.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import cast
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.processes import PATIENCE_S

#: What comes after the first line and the Host header, up to the blank line; {body} is what
#: follows, {all} its length, {inner} the hidden request.
HEADS = {
    "length and chunks": (
        "Content-Length: {all}\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n{inner}",
    ),
    "chunks and length": ("Transfer-Encoding: chunked\r\nContent-Length: 4", "{chunk}0\r\n\r\n"),
    "two lengths": ("Content-Length: 0\r\nContent-Length: {all}", "{inner}"),
    "a list of lengths": ("Content-Length: 0, {all}", "{inner}"),
    "a length with a sign": ("Content-Length: +0", "{inner}"),
    "a length that is none": ("Content-Length: 0x0", "{inner}"),
    "a length below nothing": ("Content-Length: -1", "{inner}"),
    "a length in other digits": ("Content-Length: \u0660", "{inner}"),
    "a space before the colon": (
        "Content-Length: {all}\r\nTransfer-Encoding : chunked",
        "0\r\n\r\n{inner}",
    ),
    "a tab before the value": (
        "Content-Length: {all}\r\nTransfer-Encoding:\tchunked",
        "0\r\n\r\n{inner}",
    ),
    "another coding": ("Content-Length: {all}\r\nTransfer-Encoding: xchunked", "0\r\n\r\n{inner}"),
    "chunked, then identity": (
        "Content-Length: {all}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "0\r\n\r\n{inner}",
    ),
    "chunked twice": (
        "Transfer-Encoding: chunked, chunked\r\nContent-Length: {all}",
        "0\r\n\r\n{inner}",
    ),
    "an underscore": ("Transfer_Encoding: chunked\r\nContent-Length: {all}", "0\r\n\r\n{inner}"),
    "a folded header": (
        "Content-Length: {all}\r\nTransfer-Encoding:\r\n chunked",
        "0\r\n\r\n{inner}",
    ),
    "a bare newline": (
        "Content-Length: {all}\r\nX: y\nTransfer-Encoding: chunked",
        "0\r\n\r\n{inner}",
    ),
    "a bare return": (
        "Content-Length: {all}\r\nX: y\rTransfer-Encoding: chunked",
        "0\r\n\r\n{inner}",
    ),
    "a nul": ("Content-Length: {all}\r\nX: y\0\r\nTransfer-Encoding: chunked", "0\r\n\r\n{inner}"),
    "a chunk's size with 0x": ("Transfer-Encoding: chunked", "0x0\r\n\r\n{inner}"),
    "a chunk's size with a sign": ("Transfer-Encoding: chunked", "-0\r\n\r\n{inner}"),
    "a chunk longer than it says": ("Transfer-Encoding: chunked", "0\r\nX: y{inner}"),
    "chunks in HTTP/1.0": (
        "Transfer-Encoding: chunked\r\nContent-Length: {all}",
        "0\r\n\r\n{inner}",
    ),
    "an upgrade": ("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0", ""),
}


def ambiguous(name: str, key: str) -> bytes:
    """Return a request that hides another, which has the id `hidden`."""
    head, body = HEADS[name]
    inner = (
        "GET /v1/models HTTP/1.1\r\nHost: gateway\r\nX-Request-ID: hidden\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    )
    chunk = f"{len(inner):x}\r\n{inner}\r\n"
    data = body.format(inner=inner, chunk=chunk)
    version = "1.0" if "1.0" in name else "1.1"
    first = f"POST /v1/models HTTP/{version}\r\nHost: gateway\r\n"
    return f"{first}{head.format(all=len(data))}\r\n\r\n{data}".encode()


def honest(key: str) -> bytes:
    """Return a request that ends its connection."""
    return (
        "GET /v1/models HTTP/1.1\r\nHost: gateway\r\nX-Request-ID: honest\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    ).encode()


@pytest.fixture(scope="module")
def nginx_gateway(
    gevent_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway by its address at nginx."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    with running_nginx(gevent_gateway.url, tmp_path_factory.mktemp("smuggling")) as url:
        yield replace(gevent_gateway, url=url)


@pytest.fixture(params=["gevent", "gthread", "nginx"])
def entrance(request: pytest.FixtureRequest) -> Gateway:
    """The gateway by each of its entrances in turn."""
    return cast(Gateway, request.getfixturevalue(f"{request.param}_gateway"))


def exchanged(entrance: Gateway, data: bytes) -> bytes:
    """Send bytes and return all that comes back until the other side hangs up."""
    place = urlsplit(entrance.url)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as caller:
        caller.sendall(data)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def test_a_request_that_does_not_hide_is_answered(entrance: Gateway) -> None:
    """Shows that the other test would see a request that was served."""
    plain = honest(entrance.keys.own).replace(b"Connection: close\r\n", b"")
    answers = exchanged(entrance, plain + honest(entrance.keys.own))
    assert answers.count(b"X-Request-ID: honest") == 2


@pytest.mark.parametrize("name", HEADS)
def test_no_request_hides_in_another(entrance: Gateway, name: str) -> None:
    answers = exchanged(entrance, ambiguous(name, entrance.keys.own) + honest(entrance.keys.own))
    for number in range(4):
        headers = {"X-Request-ID": f"later-{number}"}
        answer = entrance.call("GET", "/v1/models", headers=headers | {"Connection": "close"})
        assert answer.headers["X-Request-ID"] == headers["X-Request-ID"]
    assert b"X-Request-ID: hidden" not in answers
    assert entrance.log_lines(request_id="hidden") == []
