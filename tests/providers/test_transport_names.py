"""Upstreams are told what a request is called, and are not believed what they call it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.domain.identity import RequestIdentity
from app.domain.upstream_call import UpstreamCall
from tests.providers.calling import API_KEY, a_call, endpoint, stream, whole
from tests.providers.raw_server import OK, Heard, RawServer, Wire

NAMES = RequestIdentity("req_1", f"00-{'a' * 32}-{'b' * 16}-00", "vendor=1")


def named() -> UpstreamCall:
    """Return a call that is called something."""
    call = a_call()
    call.identity = NAMES
    return call


def heard_by(ask: Callable[[str], object]) -> Heard:
    """Return what a server hears of a call."""
    heard: list[Heard] = []

    def script(wire: Wire) -> None:
        heard.append(wire.hear())
        wire.answer(b"{}")

    with RawServer(script) as server:
        ask(server.url)
    (only,) = heard
    return only


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_an_upstream_is_told_what_a_request_is_called(streams: bool) -> None:
    def ask(url: str) -> None:
        if streams:
            list(stream(endpoint(url), named()).pieces())
        else:
            whole(endpoint(url), call=named())

    headers = heard_by(ask).headers
    assert headers["x-request-id"] == headers["x-client-request-id"] == "req_1"
    assert headers["traceparent"] == NAMES.traceparent
    assert headers["tracestate"] == "vendor=1"


def test_the_operators_own_names_come_first() -> None:
    given = {"X-Request-Id": "ours", "TraceState": "ours=1"}
    headers = heard_by(lambda url: whole(endpoint(url, headers=given), call=named())).headers
    assert headers["x-request-id"] == "ours"
    assert headers["tracestate"] == "ours=1"
    assert headers["x-client-request-id"] == "req_1"


def test_nobody_else_is_told_by_a_redirect() -> None:
    def redirecting(wire: Wire) -> None:
        wire.hear()
        wire.say(
            b"HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
            % elsewhere.url.encode()
        )

    with RawServer(lambda wire: wire.answer(b"{}")) as elsewhere:
        with RawServer(redirecting) as server, pytest.raises(Exception, match="307"):
            whole(endpoint(server.url), call=named())
        assert elsewhere.served == 0


@pytest.mark.parametrize(
    "name", ["req_7", API_KEY, f"id-{API_KEY}", "sk-another0123456789", "two words", "a" * 200]
)
def test_an_upstreams_name_is_kept_only_where_it_is_one(name: str) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(b"{}", OK + f"x-request-id: {name}\r\n".encode())

    call = a_call()
    with RawServer(script) as server:
        whole(endpoint(server.url), call=call)
    assert call.request_id == ("req_7" if name == "req_7" else None)


def test_what_is_sent_again_without_a_word_is_an_attempt() -> None:
    is_over = threading.Event()

    def dying(wire: Wire) -> None:
        wire.answer(wire.hear().body)
        wire.hear()
        is_over.set()

    def answering(wire: Wire) -> None:
        wire.answer(wire.hear().body)

    first, second = a_call(), a_call()
    with RawServer(dying, answering) as server:
        to = endpoint(server.url)
        whole(to, call=first)
        whole(to, call=second)
    assert is_over.is_set()
    assert (first.attempts, second.attempts) == (0, 1)  # the router counts the first of each
