"""How long the transport waits, how it tells silence, and how a call is given up."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, UpstreamTimeout, UpstreamUnavailable
from app.providers.wire import adapter
from tests.providers.calling import a_call, endpoint, stream, whole
from tests.providers.raw_server import OK, RawServer, Wire, deaf_address


def silent(wire: Wire) -> None:
    wire.hear()
    wire.wait_for_hang_up()


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """Yield the URL of a server that takes no connection."""
    with contextlib.ExitStack() as stack:
        host, port = deaf_address(stack)
        yield f"http://{host}:{port}/v1"


def test_connecting_has_its_time() -> None:
    with deaf() as url, pytest.raises(UpstreamTimeout, match=r"acme.*connected"):
        whole(endpoint(url, connect_timeout_s=0.05))


def test_resolving_counts_as_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        is_over.wait(100)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(UpstreamTimeout, match="connected"):
        whole(endpoint("http://acme.test/v1", connect_timeout_s=0.05))
    is_over.set()


def test_the_first_byte_has_its_time() -> None:
    with RawServer(silent) as server, pytest.raises(UpstreamTimeout, match=r"acme.*in time"):
        whole(endpoint(server.url, timeout_s=0.05))


def test_a_silence_in_the_answer_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(OK + b"Content-Length: 9\r\n\r\nhel")  # there, however slow a server would be
    monkeypatch.setattr("app.providers.wire.dial.Dialer.dial", lambda *_: ours)
    with theirs, pytest.raises(UpstreamTimeout) as caught:
        whole(endpoint("http://acme.test/v1", timeout_s=0.2))
    assert caught.value.work_done


def test_a_call_has_its_time_in_all() -> None:
    with RawServer(silent) as server, pytest.raises(UpstreamTimeout):
        whole(endpoint(server.url), call=a_call(within_s=0.05))


def test_a_drip_does_not_prolong_a_call() -> None:
    is_over = threading.Event()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"\r\n")
        while not is_over.wait(0.001):
            wire.say(b"drip")

    with RawServer(script) as server:
        chunks = stream(endpoint(server.url), a_call(within_s=0.05)).pieces()
        with pytest.raises(UpstreamTimeout):
            deque(chunks, maxlen=0)


def test_nothing_is_sent_after_the_deadline() -> None:
    with RawServer(silent) as server:
        with pytest.raises(UpstreamTimeout):
            whole(endpoint(server.url), call=a_call(within_s=-1))
        assert server.served == 0


def test_sending_has_its_time() -> None:
    is_over = threading.Event()

    def script(_: Wire) -> None:
        is_over.wait(100)

    with RawServer(script) as server:
        with pytest.raises(UpstreamTimeout):
            whole(endpoint(server.url, timeout_s=0.05), b"x" * 32_000_000)
        is_over.set()


def test_an_errors_body_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "ERROR_BODY_S", 0.05)

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nhel")
        wire.wait_for_hang_up()

    with RawServer(script) as server, pytest.raises(UpstreamUnavailable, match="503"):
        whole(endpoint(server.url))


def test_silences_are_told_and_do_no_harm() -> None:
    go_on = threading.Semaphore(0)

    def script(wire: Wire) -> None:
        wire.hear()
        for piece in (OK + b"\r\none", b"two"):
            go_on.acquire(timeout=10)
            wire.say(piece)

    with RawServer(script) as server:
        chunks = stream(endpoint(server.url), a_call(silence_s=0.02)).pieces()
        heard: list[bytes] = []
        for chunk in chunks:
            if chunk:
                heard.append(chunk)
            elif heard[-1:] != [b""]:  # once a silence, which may be longer than a tick
                heard.append(chunk)
                go_on.release()
    assert heard in ([b"", b"one", b"", b"two"], [b"", b"one", b"", b"two", b""])


def test_a_whole_answer_waits_through_silences() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        threading.Event().wait(0.05)
        wire.answer(b"late")

    with RawServer(script) as server:
        assert whole(endpoint(server.url), call=a_call(silence_s=0.01)) == b"late"


def cancelled_once(is_time: threading.Event) -> UpstreamCall:
    """Return a call that another thread cancels when it is time."""
    call = a_call(silence_s=0.05)

    def cancel() -> None:
        is_time.wait(10)
        call.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    return call


READERS: dict[str, Callable[[str, UpstreamCall], object]] = {
    "whole": lambda url, call: whole(endpoint(url), call=call),
    "stream": lambda url, call: list(stream(endpoint(url), call).pieces()),
}


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("said", [b"", OK + b"\r\n", OK + b"\r\nsome"], ids=["", "head", "some"])
def test_a_cancel_wakes_the_reader_and_frees_the_upstream(how: str, said: bytes) -> None:
    has_come, is_free = threading.Event(), threading.Event()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(said)
        has_come.set()
        wire.wait_for_hang_up()
        is_free.set()

    with RawServer(script) as server:
        with pytest.raises(CallerGone):
            READERS[how](server.url, cancelled_once(has_come))
        assert is_free.wait(10)


def test_a_call_that_was_cancelled_sends_nothing() -> None:
    call = a_call()
    call.cancel()
    with RawServer(silent) as server:
        with pytest.raises(CallerGone):
            whole(endpoint(server.url), call=call)
        assert server.served == 0


def test_a_cancel_ends_connecting() -> None:
    call = a_call()
    threading.Timer(0.05, call.cancel).start()
    with deaf() as url, pytest.raises(CallerGone):
        whole(endpoint(url, connect_timeout_s=60), call=call)


def test_a_cancel_ends_resolving(monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun, is_over = threading.Event(), threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        has_begun.set()
        is_over.wait(100)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(CallerGone):
        whole(endpoint("http://acme.test/v1", connect_timeout_s=60), call=cancelled_once(has_begun))
    is_over.set()


def test_a_cancel_ends_sending() -> None:
    has_come, is_over = threading.Event(), threading.Event()

    def script(wire: Wire) -> None:
        wire.sock.recv(1)
        has_come.set()
        is_over.wait(100)

    with RawServer(script) as server:
        with pytest.raises(CallerGone):
            whole(endpoint(server.url), b"x" * 32_000_000, cancelled_once(has_come))
        is_over.set()


def test_a_cancel_ends_a_tls_handshake() -> None:
    has_come = threading.Event()

    def script(wire: Wire) -> None:
        wire.sock.recv(1)
        has_come.set()
        wire.wait_for_hang_up()

    with RawServer(script) as server, pytest.raises(CallerGone):
        whole(endpoint(server.tls_url, connect_timeout_s=60), call=cancelled_once(has_come))


def test_a_cancel_ends_the_wait_for_an_errors_body() -> None:
    has_come = threading.Event()

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nhel")
        has_come.set()
        wire.wait_for_hang_up()

    with RawServer(script) as server, pytest.raises(CallerGone):
        whole(endpoint(server.url), call=cancelled_once(has_come))
