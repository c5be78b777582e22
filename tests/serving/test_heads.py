"""What is read of a head is what gunicorn's own parser reads of it."""

from __future__ import annotations

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create
from hypothesis import example, given
from hypothesis import strategies as st

from app.serving.http import heads
from app.serving.http.connection import has_host

USUAL = (
    b"POST /v1/responses HTTP/1.1\r\nHost: here:8000\r\nAuthorization: Bearer sk-1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 12\r\nX-Request-ID:  abc \t\r\n\r\n"
)
PEER, SERVER = ("127.0.0.1", 5000), ("127.0.0.1", 8000)


def config() -> Config:
    """Return gunicorn's settings as gunicorn.conf.py has them."""
    settings = Config()
    settings.set("header_map", "drop")
    settings.set("limit_request_line", 8190)
    settings.set("limit_request_field_size", 17 * 1024)
    return settings


def by_gunicorn(head: bytes) -> tuple[dict[str, Any], Request]:
    """Return the environ that gunicorn makes of a head, and what it made it of."""
    settings = config()
    request = Request(settings, IterUnreader([head]), PEER)
    _, environ = create(request, None, PEER, SERVER, settings)
    return environ, request


def test_the_usual_head_is_read() -> None:
    head = heads.read(USUAL)
    assert head is not None
    assert head.environ == {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/v1/responses",
        "PATH_INFO": "/v1/responses",
        "QUERY_STRING": "",
        "HTTP_HOST": "here:8000",
        "HTTP_AUTHORIZATION": "Bearer sk-1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "12",
        "HTTP_X_REQUEST_ID": "abc",
    }
    assert (head.length, head.closes) == (12, False)


@pytest.mark.parametrize(
    ("said", "closes"), [(b"keep-alive", False), (b"Keep-Alive", False), (b"close", True)]
)
def test_a_caller_says_whether_the_connection_is_kept(said: bytes, closes: bool) -> None:
    head = heads.read(b"GET /healthz HTTP/1.1\r\nHost:\r\nConnection: " + said + b"\r\n\r\n")
    assert head is not None
    assert (head.length, head.closes) == (0, closes)


HANDSHAKE = (
    b"GET /v1/responses HTTP/1.1\r\nHost: here:8000\r\nUpgrade: WebSocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n"
)


def test_a_websockets_handshake_is_read() -> None:
    head = heads.read(HANDSHAKE)
    assert head is not None
    assert (head.upgrades, head.closes, head.length) == (True, True, 0)
    assert head.environ["HTTP_UPGRADE"] == "WebSocket"


@pytest.mark.parametrize(
    "head",
    [
        HANDSHAKE.replace(b"GET", b"POST"),
        HANDSHAKE.replace(b"WebSocket\r", b"h2c\r"),
        HANDSHAKE.replace(b"keep-alive, Upgrade", b"keep-alive"),
        HANDSHAKE.replace(b"keep-alive, Upgrade", b"close, Upgrade"),
        HANDSHAKE.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"),
        HANDSHAKE.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\n\r\n"),
    ],
)
def test_any_other_upgrade_is_left_to_gunicorn(head: bytes) -> None:
    assert heads.read(head) is None


@pytest.mark.parametrize(
    "head",
    [
        USUAL.replace(b"POST", b"PATCH"),
        USUAL.replace(b"HTTP/1.1", b"HTTP/1.0"),
        USUAL.replace(b"/v1/responses", b"/v1/models/a%2Fb"),
        USUAL.replace(b"/v1/responses", b"http://here/v1/responses"),
        USUAL.replace(b"/v1/responses", b"/v1#responses"),
        USUAL.replace(b"Content-Length: 12\r\n", b""),
        USUAL.replace(b"Length: 12", b"Length: +12"),
        USUAL.replace(b"Length: 12", b"Length: 12, 12"),
        USUAL.replace(b"Host: here:8000", b"Content-Length: 13"),
        USUAL.replace(b"Host: here:8000", b"Transfer-Encoding: chunked"),
        USUAL.replace(b"Host: here:8000", b"Expect: 100-continue"),
        USUAL.replace(b"Host: here:8000", b"Connection: upgrade"),
        USUAL.replace(b"Host: here:8000", b"X-Forwarded-Ssl: on"),
        USUAL.replace(b"Host: here:8000", b"X_Request_ID: 1"),
        USUAL.replace(b"Host: here:8000", b"Host : here:8000"),
        USUAL.replace(b"Host: here:8000", b"Host: here\r\n folded"),
        USUAL.replace(b"Host: here:8000", b"Host: h\xe9re"),
        USUAL.replace(b"Host: here:8000", b"Host: he\x00re"),
        USUAL.replace(b"Host: here:8000\r\n", b"Host: here\n"),
        USUAL.replace(b"Host: here:8000\r\n", b""),
        USUAL.replace(b"Host: here:8000\r\n", b"Host: here\r\nHost: here\r\n"),
        USUAL.replace(b"Host: here:8000", b"Host: here/"),
        HANDSHAKE.replace(b"Host: here:8000\r\n", b""),
        USUAL.replace(b"\r\n\r\n", b"".join(b"\r\nA%d: b" % n for n in range(100)) + b"\r\n\r\n"),
        USUAL.replace(b"here:8000", b"x" * heads.MAX_HEAD),
        USUAL.replace(b"Bearer sk-1", b"x" * (heads.MAX_FIELD - len("Authorization: "))),
        USUAL.replace(b"/v1/responses", b"/" + b"x" * heads.MAX_LINE),
        USUAL[:-2],
    ],
)
def test_what_is_unusual_is_left_to_gunicorn(head: bytes) -> None:
    assert heads.read(head) is None


def test_what_is_longer_than_a_first_line_may_be_is_read() -> None:
    assert heads.read(USUAL.replace(b"sk-1", b"x" * 16 * 1024)) is not None


def test_a_long_head_of_many_fields_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 of them would take 20 ms, in which no other request makes progress."""
    monkeypatch.setattr(heads, "_HEAD", None)
    assert heads.read(USUAL[:-2] + b"a:\r\n" * (heads.MAX_FIELD // 4) + b"\r\n") is None


@pytest.mark.parametrize("sent", [USUAL, HANDSHAKE], ids=["usual", "handshake"])
def test_several_long_fields_are_read(sent: bytes) -> None:
    long = b"x" * (heads.MAX_FIELD - len("X-1: \r\n"))
    fields = b"".join(b"X-%d: %b\r\n" % (n, long) for n in range(4))
    head = sent.replace(b"Host", fields + b"Host")
    read = heads.read(head)
    assert read is not None
    assert read.environ["HTTP_X_3"] == long.decode() == by_gunicorn(head)[0]["HTTP_X_3"]


def test_the_rest_of_a_usual_head_is_waited_for() -> None:
    assert all(heads.is_begun(USUAL[:length]) for length in range(1, len(USUAL)))
    assert not heads.is_begun(USUAL)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BREW / HTTP/1.1\r\n",
        b"P ",
        b"GETS",
        b"GET / HTTP/1.0\r\n",
        b"GET /\r\nHost: here\r\n",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\nHost: here\n",
        b"GET /" + b"x" * heads.MAX_LINE,
        b"GET / HTTP/1.1\r\nHost: " + b"x" * heads.MAX_HEAD,
        b"\x16\x03\x01\x02",
    ],
)
def test_what_cannot_become_usual_is_gunicorns_at_once(data: bytes) -> None:
    assert not heads.is_begun(data)


@pytest.mark.parametrize(
    ("fields", "version", "has_one"),
    [
        ([], (1, 1), False),
        ([], (1, 0), True),
        ([], (1, 2), False),
        ([], (1, 9), False),
        ([("HOST", "here:8000")], (1, 9), True),
        ([("X", "y"), ("HOST", "here:8000")], (1, 1), True),
        ([("HOST", "")], (1, 1), True),
        ([("HOST", "[2001:db8::1]:8000")], (1, 1), True),
        ([("HOST", "web_1.gateway-a")], (1, 1), True),
        ([("HOST", "here there")], (1, 1), False),
        ([("HOST", "here/v1")], (1, 1), False),
        ([("HOST", "user@here")], (1, 1), False),
        ([("HOST", "h\xe9re")], (1, 0), False),
    ],
)
def test_a_request_has_the_host_that_its_version_needs(
    fields: list[tuple[str, str]], version: tuple[int, int], has_one: bool
) -> None:
    assert has_host(fields, version) == has_one


names = (
    st.sampled_from(["Host", "host", "X-A", "x-a", "X_A", "SCRIPT_NAME", "Cookie", "A" * 300])
    | st.sampled_from(["Content-Length", "Content-Type", "Connection", "Expect"])
    | st.sampled_from(["Transfer-Encoding", "X-Forwarded-Proto"])
    | st.text("aZ-_09!: \t", max_size=6)
)
values = st.sampled_from(
    ["0", "7", "007", "close", "keep-alive", "chunked", "https", "", " a  b ", "1 1"]
) | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=8)
fields = st.lists(st.tuples(names, st.sampled_from([":", ": ", ":\t", " :"]), values), max_size=6)
targets = st.sampled_from(["/", "/v1/responses", "/v1/responses?a=b&c=%20d", "//x", "/?", "/a?b?c"])
targets |= st.text("/av1?#%;:@&=+$,[]!'()* ~\"<>\\^`{|}", max_size=8)


@given(st.sampled_from(["GET", "POST", "DELETE", "get", "HEAD"]), targets, fields)
@example("POST", "/v1/responses", [("Content-Length", ": ", "5"), ("X-A", ":", " b ")])
def test_what_is_read_is_what_gunicorn_reads(
    method: str, target: str, lines: list[tuple[str, str, str]]
) -> None:
    text = "".join(f"{name}{colon}{value}\r\n" for name, colon, value in lines)
    raw = f"{method} {target} HTTP/1.1\r\nHost: here\r\n{text}\r\n".encode("latin-1")
    head = heads.read(raw)
    if head is None:
        return
    environ, request = by_gunicorn(raw)
    assert {key: environ[key] for key in head.environ} == head.environ
    found = {key for key in environ if key.startswith(("HTTP_", "CONTENT_"))}
    assert found <= set(head.environ)
    assert request.should_close() == head.closes
    assert int(environ.get("CONTENT_LENGTH", 0)) == head.length
