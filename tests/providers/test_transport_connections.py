"""Which connections are used again, and what happens when one went stale."""

from __future__ import annotations

import threading

import pytest

from app.errors import InvalidRequest, UpstreamUnavailable
from tests.processes import PATIENCE_S
from tests.providers.calling import a_call, endpoint, stream, whole
from tests.providers.raw_server import CERTIFICATE, OK, RawServer, Script, Wire

#: Bytes of a body that no socket buffers take at once.
LONG = 16 * 1024 * 1024


def echo(wire: Wire) -> None:
    while True:
        wire.answer(wire.hear().body)


def once(head: bytes = OK) -> Script:
    """Answer one request, then wait until the client hangs up."""

    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body, head)
        wire.wait_for_hang_up()

    return script


def closing_after_one(is_closed: threading.Event) -> Script:
    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.sock.close()
        is_closed.set()

    return script


def test_a_connection_is_used_again() -> None:
    with RawServer(echo) as server:
        to = endpoint(server.url)
        assert [whole(to, b"1"), whole(to, b"2")] == [b"1", b"2"]
        assert server.served == 1


def test_a_connection_is_used_again_after_a_stream() -> None:
    with RawServer(echo) as server:
        to = endpoint(server.url)
        for _ in range(2):
            assert b"".join(stream(to).pieces()) == b"{}"
        assert server.served == 1


def test_a_connection_is_used_again_after_an_error() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(b"{}", b"HTTP/1.1 503 Busy\r\n")
        echo(wire)

    with RawServer(script) as server:
        to = endpoint(server.url)
        with pytest.raises(UpstreamUnavailable):
            whole(to)
        whole(to)
        assert server.served == 1


def test_calls_at_once_have_a_connection_each() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        wire.wait_for_hang_up()

    with RawServer(script) as server:
        to = endpoint(server.url)
        first, second = stream(to), stream(to)
        assert (next(first.pieces()), next(second.pieces())) == (b"a", b"a")
        assert server.served == 2
        first.close()
        second.close()


@pytest.mark.parametrize(
    "head",
    [
        OK + b"Connection: close\r\n",
        b"HTTP/1.0 200 OK\r\n",
        OK + b"Keep-Alive: timeout=0\r\n",
    ],
    ids=["close", "http-1.0", "keep-alive-is-over"],
)
def test_a_connection_is_not_used_again_when_the_server_will_not(head: bytes) -> None:
    with RawServer(once(head)) as server:
        to = endpoint(server.url)
        assert [whole(to, b"1"), whole(to, b"2")] == [b"1", b"2"]
        assert server.served == 2


def test_rubbish_after_an_answer_spoils_the_connection() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"Content-Length: 1\r\n\r\na" + OK + b"Content-Length: 1\r\n\r\nb")
        wire.wait_for_hang_up()

    with RawServer(script) as server:
        to = endpoint(server.url)
        assert [whole(to), whole(to)] == [b"a", b"a"]
        assert server.served == 2


def test_an_unasked_word_on_an_idle_connection_spoils_it() -> None:
    is_said = threading.Event()

    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.say(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        is_said.set()
        wire.wait_for_hang_up()

    with RawServer(script, echo) as server:
        to = endpoint(server.url)
        whole(to, b"1")
        is_said.wait(PATIENCE_S)
        assert whole(to, b"2") == b"2"


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    is_closed = threading.Event()
    with RawServer(closing_after_one(is_closed), echo) as server:
        to = endpoint(server.url)
        whole(to, b"1")
        is_closed.wait(PATIENCE_S)
        assert whole(to, b"2") == b"2"


@pytest.mark.parametrize("is_rude", [False, True], ids=["closed", "reset"])
def test_a_request_that_met_a_dying_connection_is_sent_again(is_rude: bool) -> None:
    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.hear()
        if is_rude:
            wire.reset()

    with RawServer(script, echo) as server:
        to = endpoint(server.url)
        whole(to, b"1")
        assert whole(to, b"2") == b"2"
        assert server.served == 2


def test_a_request_is_sent_again_only_once() -> None:
    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.hear()

    def deserting(wire: Wire) -> None:
        wire.hear()

    with RawServer(script, deserting) as server:
        to = endpoint(server.url)
        whole(to)
        with pytest.raises(UpstreamUnavailable):
            whole(to)
        assert server.served == 2


@pytest.mark.parametrize("is_rude", [False, True], ids=["closed", "reset"])
def test_a_request_on_a_new_connection_is_not_sent_again(is_rude: bool) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        if is_rude:
            wire.reset()

    with RawServer(script) as server:
        with pytest.raises(UpstreamUnavailable):
            whole(endpoint(server.url))
        assert server.served == 1


def test_a_request_is_not_sent_again_once_an_answer_began() -> None:
    def script(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.hear()
        wire.say(b"HTTP/1.1 2")

    with RawServer(script, echo) as server:
        to = endpoint(server.url)
        whole(to)
        with pytest.raises(UpstreamUnavailable):
            whole(to)
        assert server.served == 1


@pytest.mark.parametrize("is_idle", [False, True], ids=["new", "idle"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_a_long_request_is_not_sent_again_once_an_answer_came(is_tls: bool, is_idle: bool) -> None:
    def script(wire: Wire) -> None:
        if is_tls:
            wire.serve_tls()
        if is_idle:
            wire.answer(wire.hear().body)
        wire.sock.recv(1000)
        wire.answer(b"{}", b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n")
        wire.sock.close()  # with most of the body unread

    with RawServer(script, echo) as server:
        to = endpoint(server.tls_url, ca_file=CERTIFICATE) if is_tls else endpoint(server.url)
        if is_idle:
            whole(to)
        with pytest.raises(InvalidRequest):
            whole(to, bytes(LONG))
        assert server.served == 1


def test_a_stream_that_is_given_up_closes_its_connection() -> None:
    is_left = threading.Event()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"\r\n", b"one")
        wire.wait_for_hang_up()
        is_left.set()

    with RawServer(script) as server:
        reply = stream(endpoint(server.url))
        next(reply.pieces())
        reply.close()
        assert is_left.wait(PATIENCE_S)


def test_a_server_that_does_not_end_its_stream_is_not_waited_for() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nlast\r\n")
        wire.wait_for_hang_up()

    with RawServer(script) as server:
        reply = stream(endpoint(server.url))
        chunks = reply.pieces()
        assert next(chunks) == b"last"
        reply.expect_end()
        assert list(chunks) == []


def test_a_cancel_after_the_end_leaves_the_connection_alone() -> None:
    with RawServer(echo) as server:
        to, call = endpoint(server.url), a_call()
        whole(to, b"1", call)
        call.cancel()
        assert whole(to, b"2") == b"2"
        assert server.served == 1


def test_without_keep_alive_each_call_has_a_connection_of_its_own() -> None:
    heard: list[str | None] = []

    def script(wire: Wire) -> None:
        said = wire.hear()
        heard.append(said.headers.get("connection"))
        wire.answer(said.body)
        wire.wait_for_hang_up()

    with RawServer(script) as server:
        to = endpoint(server.url, keep_alive=False)
        assert [whole(to, b"1"), whole(to, b"2")] == [b"1", b"2"]
        assert server.served == 2
    assert heard == ["close", "close"]
