"""Bad input and bad callers on WebSockets of a real gateway, without and with nginx before it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from wsproto import ConnectionType
from wsproto.connection import Connection as Protocol
from wsproto.events import CloseConnection, TextMessage

from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Keys
from tests.e2e.stops import Site, site
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.e2e.wire import RawCall, websocket_bytes
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

Json = dict[str, Any]
MEBIBYTE = 1024 * 1024
TOML = "[websocket]\nmax_sessions_per_key = 3\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway, and the address at which it is tried."""

    site: Site
    url: str

    def opened(self, **more: Any) -> Connection:
        """Return a new connection."""
        url = self.url.replace("http://", "ws://") + "/v1/responses"
        headers = {"Authorization": f"Bearer {self.site.gateway.keys.own}"}
        return connect(url, additional_headers=headers, max_size=None, proxy=None, **more)

    def raw(self, more: str = "") -> RawCall:
        """Return a new connection for bytes; `more` are lines of its handshake."""
        key = f"{more}Authorization: Bearer {self.site.gateway.keys.own}\r\n\r\n".encode()
        call = RawCall(self.url, websocket_bytes("/v1/responses")[:-2] + key)
        assert call.head()[0] == 101
        return call

    def until_closed(self) -> None:
        """Return once none is open any more."""
        until(lambda: self.site.gauge("gateway_websockets_open") == 0, "all of them to be closed")


@pytest.fixture(scope="module")
def running(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    toml = gateway_toml(upstream.places, keepalive_s=15) + TOML
    with site(environment, keys, tmp_path_factory.mktemp("websockets"), toml) as running:
        yield running


@pytest.fixture(scope="module", params=["gateway", "nginx"])
def place(
    request: pytest.FixtureRequest, running: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The gateway's own address, and that at nginx."""
    if request.param == "gateway":
        yield Place(running, running.gateway.url)
    elif NGINX is None:
        pytest.skip("nginx is not installed")
    else:
        with running_nginx(running.gateway.url, tmp_path_factory.mktemp("nginx")) as url:
            yield Place(running, url)


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a masked frame, short or as long as it may be (RFC 6455, 5.2)."""
    first, length = opcode | (0x80 if fin else 0), len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xff" + struct.pack("!Q", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


def end(call: RawCall) -> tuple[list[Json], int]:
    """Return what is said until the connection is closed, and the code of that."""
    protocol, said = Protocol(ConnectionType.CLIENT), []
    while True:
        protocol.receive_data(call.socket.recv(65536))
        for event in protocol.events():
            if isinstance(event, TextMessage):
                said.append(json.loads(event.data))
            if isinstance(event, CloseConnection):
                return said, int(event.code)


def create(script: Script, **more: Any) -> str:
    """Return a message that asks for a response."""
    body = {"type": "response.create", "model": "steady", "input": script.text()}
    return json.dumps(body | more)


def last(connection: Connection) -> Json:
    """Return what ends the response that comes, or refuses it."""
    while True:
        event: Json = json.loads(connection.recv(PATIENCE_S))
        if event["type"] in ("response.completed", "response.failed", "error"):
            return event


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"GET /v1/responses HTTP/1.1\r\n\r\n", 1002),
        (b"\0" * 64, 1002),
        (frame(3, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(8, b"\x03"), 1002),
        (b"\x81\xff" + b"\xff" * 8, 1002),  # as long as no message can be
        (frame(1, b"\xff\xfe"), 1007),
        (frame(1, b"\xc3", fin=False) + frame(0, b"x"), 1007),
        (frame(8, struct.pack("!H", 4000) + b"bye"), 4000),
    ],
)
def test_what_is_no_websocket_ends_with_its_code(place: Place, raw: bytes, code: int) -> None:
    with contextlib.closing(place.raw()) as call:
        call.socket.sendall(raw)
        assert end(call) == ([], code)


@pytest.mark.parametrize("fragments", [1, 5000])
def test_a_message_that_is_too_large_is_refused_before_it_has_come(
    place: Place, fragments: int
) -> None:
    with contextlib.closing(place.raw()) as call:
        if fragments == 1:
            call.socket.sendall(frame(1, b"x" * (33 * MEBIBYTE)))
        else:
            call.socket.sendall(frame(1, b"", fin=False) + frame(0, b"", fin=False) * fragments)
        (error,), code = end(call)
    assert (error["status"], error["error"]["code"], code) == (413, "request_too_large", 1009)


def test_a_compressed_message_that_inflates_without_end_is_refused(place: Place) -> None:
    (pid,) = place.site.workers()
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    # Nothing of what follows a full flush refers to what is before it: it can be sent again.
    piece = compressor.compress(b"x" * MEBIBYTE) + compressor.flush(zlib.Z_FULL_FLUSH)
    bomb = piece * 300
    with contextlib.closing(place.raw("Sec-WebSocket-Extensions: permessage-deflate\r\n")) as call:
        assert "permessage-deflate" in call.head()[1]["sec-websocket-extensions"]
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        before = _most_kilobytes(pid)
        call.socket.sendall(bytes([0xC1]) + frame(1, bomb)[1:])
        (error,), code = end(call)
    assert (error["status"], code) == (413, 1009)
    assert _most_kilobytes(pid) - before < 100 * 1024


def _most_kilobytes(pid: int) -> int:
    """Return the most memory that a process had since it was told to forget that (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith("VmHWM:"))
    return int(line.split()[1])


def test_bad_messages_leave_it_open(place: Place) -> None:
    with place.opened() as connection:
        for message in (b"\xff\xfe", "{", "", "[]", create(Script(), model="nobody/knows")):
            connection.send(message)
            error = last(connection)
            assert (error["type"], error["status"] // 100) == ("error", 4)
        for said in ("one", "two"):  # two at once: one after another
            connection.send(create(Script(say=said)))
        texts = [last(connection)["response"]["output_text"] for _ in range(2)]
    assert texts == ["one", "two"]


def test_a_foreign_response_is_unknown(place: Place) -> None:
    gateway = place.site.gateway
    foreign = replace(gateway, keys=replace(gateway.keys, own=gateway.keys.foreign)).create("Hi")
    with place.opened() as connection:
        connection.send(create(Script(), previous_response_id=foreign["id"]))
        assert last(connection)["error"]["code"] == "previous_response_not_found"


def test_a_handshake_may_have_all_that_a_post_may_have(place: Place) -> None:
    long = "".join(f"X-Long-{n}: {'x' * 16 * 1024}\r\n" for n in range(3))
    place.raw(long).close()
    over = websocket_bytes("/v1/responses")[:-2] + b"X-Long: " + b"x" * 17 * 1024 + b"\r\n\r\n"
    with contextlib.closing(RawCall(place.url, over)) as call:
        assert call.head()[0] == 431
        assert json.loads(call.whole())["error"]["type"] == "invalid_request_error"


def test_a_page_of_another_origin_is_refused(place: Place) -> None:
    with pytest.raises(InvalidStatus) as refused:
        place.opened(origin="https://evil.example").close()
    assert refused.value.response.status_code == 403


def test_another_version_is_told_ours(place: Place) -> None:
    request = websocket_bytes("/v1/responses").replace(b"Version: 13", b"Version: 8")
    key = f"Authorization: Bearer {place.site.gateway.keys.own}\r\n\r\n".encode()
    with contextlib.closing(RawCall(place.url, request[:-2] + key)) as call:
        status, headers = call.head()
    assert (status, headers["sec-websocket-version"]) == (426, "13")


def test_a_key_has_so_many_sessions_and_has_one_more_when_one_ends(place: Place) -> None:
    place.until_closed()
    with contextlib.ExitStack() as stack:
        first, *_ = [stack.enter_context(place.opened()) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refused:
            place.opened().close()
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        first.close()
        until(lambda: place.site.gauge("gateway_websockets_open") == 2, "one to be closed")
        stack.enter_context(place.opened())


def test_one_who_leaves_during_the_handshake_is_not_counted(running: Site) -> None:
    """Three of them were as many sessions as the key may have, until the process ended."""
    place = Place(running, running.gateway.url)
    place.until_closed()
    key = f"Authorization: Bearer {running.gateway.keys.own}\r\n\r\n".encode()
    before = len(running.gateway.log_lines(event="websocket_closed"))
    for _ in range(3):
        with contextlib.closing(
            RawCall(place.url, websocket_bytes("/v1/responses")[:-2] + key)
        ) as call:
            # Closed with a reset: what is sent to it fails.
            call.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(
        lambda: len(running.gateway.log_lines(event="websocket_closed")) == before + 3,
        "their ends in the log",
    )
    place.until_closed()


def read_up_to(call: RawCall, mark: bytes) -> None:
    """Read until something has come, and perhaps a little more."""
    read = b""
    while mark not in read:
        read += call.socket.recv(1024)


def test_a_caller_who_reads_nothing_takes_no_memory(place: Place) -> None:
    """Of fifteen megabytes of frames, what they do not take is not made."""
    (pid,) = place.site.workers()
    worker = psutil.Process(pid)
    seconds: list[float] = []

    def left() -> int:
        return len(place.site.gateway.log_lines(event="request", error_code="caller_left"))

    def rests() -> bool:
        seconds.append(sum(worker.cpu_times()[:2]))
        return len(seconds) > 20 and seconds[-20] == seconds[-1]

    before = left()
    with contextlib.closing(place.raw()) as call:
        call.socket.sendall(frame(1, create(Script(say="warm")).encode()))
        read_up_to(call, b'"response.completed"')
        bytes_before = worker.memory_full_info().uss
        long = {"model": "local/echo", "input": "word " * 50_000, "store": False}
        call.socket.sendall(frame(1, create(Script(), **long).encode()))
        read_up_to(call, b'"response.created"')
        until(rests, "the gateway to wait for its caller")
        assert worker.memory_full_info().uss - bytes_before < 8 * MEBIBYTE
    until(lambda: left() > before, "the response to be given up")


def test_nothing_of_all_that_is_a_bug_or_stays_open(place: Place) -> None:
    place.until_closed()
    assert not place.site.gateway.log_lines(level="error")


def test_idle_ones_and_old_ones_end(
    environment: dict[str, str], upstream: Upstream, keys: Keys, tmp_path: Path
) -> None:
    """What runs ends first: the old one's response does."""
    toml = gateway_toml(upstream.places, keepalive_s=15)
    toml += "[websocket]\nidle_s = 1\nmax_age_s = 3\n"
    script = Script(tag="ws-old", say=("one ", "two"), stall_after=1)
    with site(environment, keys, tmp_path, toml) as running:
        here = Place(running, running.gateway.url)
        with here.opened() as idle, here.opened() as old:
            old.send(create(script))
            with pytest.raises(ConnectionClosed) as closed:
                idle.recv(PATIENCE_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
            upstream.wait(script.tag, "stalled")
            old.send(create(Script(say="waits")))
            assert last(old)["error"]["code"] == "websocket_connection_limit_reached"
            upstream.release(script.tag)
            assert last(old)["response"]["output_text"] == "one two"
            assert last(old)["error"]["code"] == "websocket_connection_limit_reached"
            with pytest.raises(ConnectionClosed) as closed:
                old.recv(PATIENCE_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
