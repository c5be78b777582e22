"""What comes slowly, brokenly or not at all: it ends in time, and holds up nobody else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.e2e import gateway as gateways
from tests.e2e import hasty
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.wire import RawCall

CONNECTIONS = 40
#: More than the kernel keeps for who does not read.
UNREAD_BYTES = 6 * 1024 * 1024
HELLO = json.dumps({"model": "local/echo", "input": "hello"})


@pytest.fixture(scope="module")
def hasty_gateway(
    environment: dict[str, str], keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that waits for a second, with few connections and little memory."""
    directory = tmp_path_factory.mktemp("hasty")
    config = directory / "gateway.toml"
    config.write_text('[providers.local]\napi = "local"\n[requests]\nmax_body_memory_mb = 64\n')
    env = environment | {"GATEWAY_CONFIG": str(config)}
    more = hasty.arguments(CONNECTIONS)
    with gateways.running(env, keys, directory, "gevent", 1, *more) as gateway:
        yield gateway


def head(gateway: Gateway, *lines: str) -> str:
    """Return a POST's head with these lines in it."""
    result = [
        "POST /v1/responses HTTP/1.1",
        "Host: gateway",
        f"Authorization: Bearer {gateway.keys.own}",
        "Content-Type: application/json",
        *lines,
    ]
    return "\r\n".join(result) + "\r\n\r\n"


def begun(gateway: Gateway, stack: ExitStack, data: str) -> RawCall:
    """Send something, and stay."""
    call = RawCall(gateway.url, data.encode())
    stack.callback(call.close)
    return call


def all_of(call: RawCall) -> bytes:
    """Return what comes until the gateway hangs up."""
    came = b""
    while piece := call.socket.recv(65536):
        came += piece
    return came


def error(call: RawCall) -> tuple[int, str | None]:
    """Return the status and the code of a refusal."""
    status, headers = call.head()
    if status == 100:
        call._head = None
        status, headers = call.head()
    document = json.loads(call._exactly(int(headers["content-length"])))
    return status, document["error"]["code"]


def traceless(gateway: Gateway) -> bool:
    """Tell whether nothing in the log speaks of a fault of ours."""
    log = gateway.log_file.read_text()
    return "Traceback" not in log and all(
        line.get("level") != "error" for line in gateway.log_lines()
    )


SLOW_HEADS = {
    "nothing": "",
    "a part of the first line": "GET /hea",
    "a first line": "GET /healthz HTTP/1.1\r\n",
    "what gunicorn would read": "OPTIONS /healthz HTTP/1.1\r\nExpect: 100-",
    "a request, then a part of one": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea",
    "one of gunicorn's, then a part of one": "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea",
}


def test_a_head_that_does_not_end_is_hung_up_on(hasty_gateway: Gateway) -> None:
    with ExitStack() as stack:
        calls = [begun(hasty_gateway, stack, each) for each in SLOW_HEADS.values()]
        ends = [all_of(call) for call in calls]
    assert [each.count(b"HTTP/1.1 200") for each in ends] == [0, 0, 0, 0, 1, 1]
    assert [each.count(b"HTTP/1.1 ") for each in ends] == [0, 0, 0, 0, 1, 1]
    assert traceless(hasty_gateway)


def test_more_slow_heads_than_connections_keep_nobody_out(hasty_gateway: Gateway) -> None:
    with ExitStack() as stack:
        for _ in range(2 * CONNECTIONS):
            begun(hasty_gateway, stack, "GET /hea")
        assert hasty_gateway.call("GET", "/healthz", key=None).status_code == 200
    assert traceless(hasty_gateway)


SILENT_BODIES = {
    "of a length": ("Content-Length: 100", "{"),
    "in chunks": ("Transfer-Encoding: chunked", "5\r\n{"),
    "that was to be continued": ("Content-Length: 100\r\nExpect: 100-continue", "{"),
    "that has not begun": ("Content-Length: 100", ""),
    "of a great length": ("Content-Length: 2000000", "{"),
}


def test_a_body_that_falls_silent_is_a_time_out(hasty_gateway: Gateway) -> None:
    with ExitStack() as stack:
        calls = [
            begun(hasty_gateway, stack, head(hasty_gateway, lines) + body)
            for lines, body in SILENT_BODIES.values()
        ]
        for call in calls:
            assert error(call) == (408, "request_timeout")
            assert call.head()[1]["connection"] == "close"
            assert call.is_closed()
    assert traceless(hasty_gateway)


def test_who_does_not_read_its_answer_is_hung_up_on(hasty_gateway: Gateway) -> None:
    body = json.dumps({"model": "local/echo", "input": "x" * UNREAD_BYTES, "stream": True})
    lines = ("X-Request-ID: unread", f"Content-Length: {len(body)}")
    with ExitStack() as stack:
        begun(hasty_gateway, stack, head(hasty_gateway, *lines) + body)
        line = hasty_gateway.logged(request_id="unread")
    assert (line["status"], line["error_code"]) == (499, "caller_left")
    assert traceless(hasty_gateway)


def test_many_silent_bodies_in_chunks_take_nothing_from_others(hasty_gateway: Gateway) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS // 2):
            lines = head(hasty_gateway, "Transfer-Encoding: chunked") + "5\r\n{"
            begun(hasty_gateway, stack, lines)
        answer = hasty_gateway.call(
            "POST", "/v1/responses", json.loads(HELLO), key=hasty_gateway.keys.foreign
        )
        assert answer.status_code == 200


def test_a_key_cannot_take_all_of_the_memory(hasty_gateway: Gateway) -> None:
    with ExitStack() as stack:
        large = head(hasty_gateway, f"Content-Length: {18 * 1024 * 1024}")
        calls = [begun(hasty_gateway, stack, large) for _ in range(4)]
        until_refused = error(calls[-1])
        answer = hasty_gateway.call(
            "POST", "/v1/responses", json.loads(HELLO), key=hasty_gateway.keys.foreign
        )
    assert answer.status_code == 200
    assert until_refused == (429, "rate_limit_exceeded")


BROKEN_CHUNKS = {
    "a size that is none": "x\r\n{",
    "a size with a sign": "-5\r\n{",
    "no end of the line": "5\r\nhelloXX",
    "an endless size": "1" * 20_000,
    "a bad extension": '5;a="\r\nhello\r\n0\r\n\r\n',
    "a bad trailer": "0\r\nno trailer\r\n\r\n",
}


@pytest.mark.parametrize("broken", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
def test_broken_chunks_are_the_callers_mistake(either_gateway: Gateway, broken: str) -> None:
    with ExitStack() as stack:
        lines = head(either_gateway, "Transfer-Encoding: chunked")
        call = begun(either_gateway, stack, lines + broken)
        status, _ = call.head()
        assert status == 400
    assert traceless(either_gateway)


LENGTHS = {
    "too large": ("33554433", 413),
    "far too large": ("1" + "0" * 15, 413),
    "beyond all numbers": ("9" * 100, 413),
    "no number": ("ten", 400),
    "below nothing": ("-1", 400),
    "two": ("5\r\nContent-Length: 6", 400),
}


@pytest.mark.parametrize(("length", "status"), LENGTHS.values(), ids=LENGTHS)
def test_an_impossible_length_is_refused_before_the_key_is_looked_at(
    either_gateway: Gateway, length: str, status: int
) -> None:
    place = urlsplit(either_gateway.url)
    sent = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), 20) as caller:
        caller.sendall(sent.encode())
        assert int(caller.recv(65536).split()[1]) == status
    assert traceless(either_gateway)


def test_a_body_cut_short_is_a_caller_that_has_gone(either_gateway: Gateway) -> None:
    with ExitStack() as stack:
        for number, lines in enumerate(("Content-Length: 100", "Transfer-Encoding: chunked")):
            named = f"{lines}\r\nX-Request-ID: cut-short-{number}"
            call = begun(either_gateway, stack, head(either_gateway, named) + "5\r\n{")
            call.socket.shutdown(socket.SHUT_WR)
            line = either_gateway.logged(event="request", request_id=f"cut-short-{number}")
            assert line["status"] == 499
    assert traceless(either_gateway)
