"""The transport over real sockets: what it sends, and the answers it reads."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable

import pytest

from app.errors import UpstreamMisbehaved, UpstreamUnavailable
from app.providers.wire import adapter, response
from tests.processes import PATIENCE_S
from tests.providers.calling import API_KEY, a_call, endpoint, stream, whole
from tests.providers.raw_server import OK, Heard, RawServer, Script, Wire


def echo(wire: Wire) -> None:
    while True:
        wire.answer(wire.hear().body)


def saying(*pieces: bytes) -> Script:
    """Answer one request with these bytes, then close."""

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(*pieces)

    return script


def chunked(*pieces: bytes) -> bytes:
    frames = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + frames + b"0\r\n\r\n"


def compressed(body: bytes, how: str) -> bytes:
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (how.encode(), len(body))
    return OK + head + body


def raw_deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(body) + squeeze.flush()


def heard_by(server_does: Callable[[Wire], None], **settings: object) -> list[Heard]:
    """Return what a server hears of one call with these settings."""
    heard: list[Heard] = []

    def script(wire: Wire) -> None:
        heard.append(wire.hear())
        server_does(wire)

    with RawServer(script) as server:
        whole(endpoint(server.url, **settings), b'{"a": 1}')
    return heard


def test_the_request_is_what_was_asked() -> None:
    (heard,) = heard_by(lambda wire: wire.answer(b"{}"))
    assert heard.line == "POST /v1/answer HTTP/1.1"
    assert heard.body == b'{"a": 1}'
    assert heard.headers["authorization"] == f"Bearer {API_KEY}"
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["accept"] == "application/json"
    assert heard.headers["accept-encoding"] == "identity"
    assert heard.headers["content-length"] == "8"


def test_the_operators_headers_come_on_top() -> None:
    (heard,) = heard_by(lambda wire: wire.answer(b"{}"), headers={"X-Team": "red"})
    assert heard.headers["x-team"] == "red"


def test_a_query_of_the_base_url_stays_at_the_end() -> None:
    with RawServer(lambda wire: wire.answer(wire.hear().line.encode())) as server:
        assert b"/v1/answer?version=2 " in whole(endpoint(server.url + "?version=2"))


def test_a_get_has_no_body() -> None:
    with RawServer(lambda wire: wire.answer(repr(wire.hear()).encode())) as server:
        said = endpoint(server.url).get().body()
    assert b"GET /v1/answer" in said
    assert b"content-length" not in said


def test_a_long_body_arrives_whole() -> None:
    body = b"x" * 300_000
    with RawServer(echo) as server:
        assert whole(endpoint(server.url), body) == body


@pytest.mark.parametrize(
    "said",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        chunked(b"he", b"llo"),
        OK + b"\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + chunked(b"hello"),
        compressed(gzip.compress(b"hello"), "gzip"),
        compressed(zlib.compress(b"hello"), "deflate"),
        compressed(raw_deflate(b"hello"), "deflate"),
        compressed(gzip.compress(b"he") + gzip.compress(b"llo"), "gzip"),
        compressed(gzip.compress(b"hello") + bytes(7), "gzip"),
        compressed(gzip.compress(b"hello"), "GZIP, identity"),
        compressed(b"hello", "none"),
        compressed(b"hello", "UTF-8"),
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.0 200\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0005  \r\nhello\r\n0\r\n\r\n",
    ],
    ids=[
        *("length", "chunked", "until-close", "100", "103", "gzip", "deflate", "raw-deflate"),
        *("gzip-twice", "gzip-padded", "gzip-and-identity", "none", "utf-8", "lf", "http-1.0"),
        "padded-size",
    ],
)
def test_every_framing_is_read(said: bytes) -> None:
    with RawServer(saying(said)) as server:
        assert whole(endpoint(server.url)) == b"hello"


@pytest.mark.parametrize("size", [1, 7])
def test_an_answer_may_come_in_pieces(size: int) -> None:
    said = chunked(b"he", b"llo")
    pieces = [said[i : i + size] for i in range(0, len(said), size)]
    with RawServer(saying(*pieces)) as server:
        assert whole(endpoint(server.url)) == b"hello"


def test_an_empty_body_is_no_fault() -> None:
    with RawServer(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        assert whole(endpoint(server.url)) == b""


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        compressed(b"hello", "br"),
        compressed(gzip.compress(b"hello"), "gzip, gzip"),
        compressed(b"hello, damaged", "gzip"),
        compressed(b"hello, damaged", "deflate"),
        OK + b"X-Long: " + b"a" * 2 * response.MAX_OVERHEAD,
        OK + b"X-Short: a\r\n" * 20_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        chunked()[:-2] + b"X-Trailer: " + b"a" * 2 * response.MAX_OVERHEAD,
    ],
    ids=[
        "ssh",
        "two-lengths",
        "upgrade",
        "bad-chunk",
        "brotli",
        "gzip-of-gzip",
        "bad-gzip",
        "bad-deflate",
        "long-header",
        "many-headers",
        "endless-100",
        "long-trailer",
    ],
)
def test_nonsense_is_the_operators_to_mend(said: bytes) -> None:
    with RawServer(saying(said)) as server, pytest.raises(UpstreamMisbehaved, match="acme"):
        whole(endpoint(server.url))


@pytest.mark.parametrize(
    "said",
    [OK + b"Content-Length: 9\r\n\r\nhello", chunked(b"hello")[:-5]],
    ids=["length", "chunk"],
)
def test_a_cut_answer_was_paid_for(said: bytes) -> None:
    with RawServer(saying(said)) as server, pytest.raises(UpstreamUnavailable) as caught:
        whole(endpoint(server.url))
    assert caught.value.work_done


def test_a_body_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_BODY", 4)
    longer = chunked(b"he", b"llo")
    with RawServer(saying(longer)) as server, pytest.raises(UpstreamMisbehaved, match="too long"):
        whole(endpoint(server.url))


def test_a_small_body_must_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "MAX_INFLATED", 1000)
    for bomb in (gzip.compress(b"a" * 5000), gzip.compress(b"a" * 800) * 2):
        said = compressed(bomb, "gzip")
        with RawServer(saying(said)) as server, pytest.raises(UpstreamMisbehaved, match="too long"):
            whole(endpoint(server.url))


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with RawServer(saying(moved)) as server, pytest.raises(UpstreamMisbehaved, match="302"):
        whole(endpoint(server.url))


def test_a_cookie_is_not_kept() -> None:
    def script(wire: Wire) -> None:
        while True:
            heard = wire.hear()
            said = b"cookie" if "cookie" in heard.headers else b"none"
            wire.answer(said, OK + b"Set-Cookie: a=b\r\n")

    with RawServer(script) as server:
        to = endpoint(server.url)
        whole(to)
        assert whole(to) == b"none"


def test_the_upstreams_own_request_id_is_noted() -> None:
    call = a_call()
    with RawServer(
        lambda wire: wire.answer(wire.hear().body, OK + b"Request-Id: r-7\r\n")
    ) as server:
        whole(endpoint(server.url), call=call)
    assert call.request_id == "r-7"


def test_a_stream_comes_as_it_is_made() -> None:
    first_was_read = threading.Event()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"\r\n", b"one")
        first_was_read.wait(PATIENCE_S)
        wire.say(b"two")

    with RawServer(script) as server:
        chunks = stream(endpoint(server.url)).pieces()
        assert next(chunks) == b"one"
        first_was_read.set()
        assert list(chunks) == [b"two"]


def test_a_stream_is_asked_for_as_one() -> None:
    with RawServer(lambda wire: wire.answer(wire.hear().headers["accept"].encode())) as server:
        assert b"".join(stream(endpoint(server.url)).pieces()) == b"text/event-stream"
