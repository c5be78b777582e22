"""Reaching servers: faults of the network, TLS, proxies, and what errors may say of it."""

from __future__ import annotations

import re
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import responses

from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.transport import Transport
from app.providers.wire.dial import origin_of
from tests.processes import PATIENCE_S, free_port
from tests.providers.calling import a_call, endpoint, settings, stream, whole
from tests.providers.raw_server import CERTIFICATE, RawServer, Wire

mocked = partial(responses.RequestsMock, target="app.providers.wire.adapter.WireAdapter.send")


def echo(wire: Wire) -> None:
    while True:
        wire.answer(wire.hear().body)


def echo_by_tls(wire: Wire) -> None:
    wire.serve_tls()
    echo(wire)


def failure(url: str, **others: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        whole(endpoint(url, **others))
    return caught.value


@pytest.fixture
def refusing_port() -> int:
    """A port that nobody listens at."""
    return free_port()


def test_a_refused_connection_is_said_plainly(refusing_port: int) -> None:
    error = failure(f"http://127.0.0.1:{refusing_port}/v1")
    assert isinstance(error, UpstreamUnavailable)
    assert error.message == "provider 'acme' could not be reached: Connection refused"


def test_a_name_that_does_not_exist_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure("http://nowhere.test/v1")
    assert isinstance(error, UpstreamUnavailable)
    assert "Name or service not known" in error.message


def test_a_name_that_no_host_can_have_is_unreachable() -> None:
    assert isinstance(failure(f"http://{'a' * 70}.test/v1"), UpstreamUnavailable)


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch, refusing_port: int) -> None:
    with RawServer(echo) as server:
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
            for port in (refusing_port, server.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        assert whole(endpoint("http://acme.test/v1"), b"here") == b"here"


def test_a_name_without_an_address_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    assert isinstance(failure("http://acme.test/v1"), UpstreamUnavailable)


def test_tls_works_with_a_certificate_of_the_operators_authority() -> None:
    with RawServer(echo_by_tls) as server:
        to = endpoint(server.tls_url, ca_file=CERTIFICATE)
        assert [whole(to, b"1"), whole(to, b"2")] == [b"1", b"2"]
        assert server.served == 1


def test_a_stream_by_tls_survives_silence() -> None:
    is_quiet = threading.Semaphore(0)

    def script(wire: Wire) -> None:
        wire.serve_tls()
        wire.hear()
        wire.say(b"HTTP/1.1 200 OK\r\n\r\none")
        is_quiet.acquire(timeout=PATIENCE_S)
        wire.say(b"two")
        # A close without TLS's own goodbye is how many servers end.

    with RawServer(script) as server:
        reply = stream(endpoint(server.tls_url, ca_file=CERTIFICATE), a_call(silence_s=0.02))
        heard: list[bytes] = []
        for chunk in reply.pieces():
            heard.append(chunk)
            if not chunk:
                is_quiet.release()
    assert b"".join(heard) == b"onetwo"


def test_a_certificate_of_nobody_is_not_trusted() -> None:
    with RawServer(echo_by_tls) as server:
        error = failure(server.tls_url)
    assert isinstance(error, UpstreamUnavailable)
    assert "certificate cannot be verified" in error.message


def test_a_certificate_of_another_host_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo_by_tls) as server:
        here = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)
        error = failure("https://elsewhere.test/v1", ca_file=CERTIFICATE)
    assert "certificate cannot be verified" in error.message


def test_a_server_without_tls_is_said_plainly() -> None:
    def plain(wire: Wire) -> None:
        wire.sock.recv(1)
        wire.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(plain) as server:
        assert "TLS failed" in failure(server.tls_url).message


def test_a_missing_ca_file_makes_the_server_unreachable(tmp_path: Path) -> None:
    with RawServer(echo_by_tls) as server:
        error = failure(server.tls_url, ca_file=tmp_path / "none.pem")
    assert isinstance(error, UpstreamUnavailable)


def test_http_goes_to_the_proxy_with_the_whole_url() -> None:
    with RawServer(lambda wire: wire.answer(repr(wire.hear()).encode())) as proxy:
        to = endpoint("http://acme.test/v1", proxy=f"http://us%20er:pass@127.0.0.1:{proxy.port}")
        said = whole(to)
    assert b"POST http://acme.test/v1/answer HTTP/1.1" in said
    assert b"'host': 'acme.test'" in said
    assert b"'proxy-authorization': 'Basic dXMgZXI6cGFzcw=='" in said


def tunnel(wire: Wire) -> None:
    """Be a proxy that lets everything through to a TLS server, which it is itself."""
    heard = wire.hear()
    assert heard.line.startswith("CONNECT localhost:")
    wire.say(b"HTTP/1.1 200 Connection ", b"established\r\n\r\n")
    wire.serve_tls()
    wire.hear()
    wire.answer(heard.headers.get("proxy-authorization", "none").encode())


@pytest.mark.parametrize(
    ("login", "said"), [("", b"none"), ("user:pass@", b"Basic dXNlcjpwYXNz")], ids=["", "login"]
)
def test_https_goes_through_a_tunnel(login: str, said: bytes) -> None:
    with RawServer(tunnel) as proxy:
        to = endpoint(
            "https://localhost:4433/v1",
            ca_file=CERTIFICATE,
            proxy=f"http://{login}127.0.0.1:{proxy.port}",
        )
        assert whole(to) == said


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.0 200 \r\n\r\n",
    ],
    ids=["no words", "another 2xx", "behind an interim one"],
)
def test_a_tunnel_is_one_however_the_proxy_says_so(said: bytes) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(*(said[at : at + 7] for at in range(0, len(said), 7)))
        wire.serve_tls()
        wire.hear()
        wire.answer(b"through")

    with RawServer(script) as proxy:
        login = f"http://127.0.0.1:{proxy.port}"
        to = endpoint("https://localhost:4433/v1", ca_file=CERTIFICATE, proxy=login)
        assert whole(to) == b"through"


@pytest.mark.parametrize(
    ("said", "why", "kind"),
    [
        (
            b"HTTP/1.1 407 Login\r\n\r\n",
            "wants a login, or refuses the one that it has",
            UpstreamMisbehaved,
        ),
        (
            b"HTTP/1.1 403 no secret\r\n\r\n",
            r"rules do not allow a connection .* \(HTTP 403\)$",
            UpstreamMisbehaved,
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502\r\n\r\n",
            r"\(HTTP 502\)$",
            UpstreamUnavailable,
        ),
        (b"HTTP/1.1 20", "cut or too long", UpstreamUnavailable),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000, "cut or too long", UpstreamUnavailable),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "is not HTTP", UpstreamUnavailable),
        (b"SSH-2.0", "is not HTTP", UpstreamUnavailable),
    ],
    ids=["407", "403", "502", "cut", "long", "no status", "another protocol"],
)
def test_a_proxy_that_refuses_is_named(said: bytes, why: str, kind: type[GatewayError]) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(said)
        if why == "is not HTTP":
            wire.wait_for_hang_up()  # it is not waited for until the connection's time is over

    with RawServer(script) as proxy:
        login = f"http://user:secret@127.0.0.1:{proxy.port}"
        error = failure("https://acme.test/v1", proxy=login)
    assert isinstance(error, kind)
    assert re.search(rf"the proxy.*{why}", error.message)
    assert "secret" not in error.message


def test_a_proxy_that_wants_a_login_on_the_way_to_http_is_named() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(b"no", b"HTTP/1.1 407 Login\r\n")

    with RawServer(script) as proxy:
        error = failure("http://acme.test/v1", proxy=f"http://127.0.0.1:{proxy.port}")
    assert isinstance(error, UpstreamMisbehaved)
    assert "the proxy wants a login" in error.message


def test_a_proxy_by_tls_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="proxy"):
        endpoint("http://acme.test/v1", proxy="https://127.0.0.1:1")


@pytest.mark.parametrize("url", ["ftp://acme.test", "acme.test/v1", "http://"])
def test_a_base_url_must_be_http(url: str) -> None:
    with pytest.raises(ValueError, match=r"http|scheme|URL"):
        endpoint(url)


def test_the_environments_proxies_are_not_used(
    monkeypatch: pytest.MonkeyPatch, refusing_port: int
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refusing_port}")
    with RawServer(echo) as server:
        assert whole(endpoint(server.url), b"here") == b"here"


def test_the_environments_passwords_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password pass\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawServer(lambda wire: wire.answer(repr(wire.hear().headers).encode())) as server:
        to = Transport(settings(server.url)).endpoint("/answer", {})
        assert b"authorization" not in whole(to)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://acme.test/v1", "acme.test"),
        ("https://acme.test:443/v1", "acme.test"),
        ("https://acme.test:80/v1", "acme.test:80"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
    ],
)
def test_the_host_header_names_the_port_where_it_must(url: str, authority: str) -> None:
    assert origin_of(url).authority == authority


def test_an_error_holds_nothing_of_the_url(refusing_port: int) -> None:
    error = failure(f"http://user:secret@127.0.0.1:{refusing_port}/v1?token=abc")
    assert not any(part in error.message for part in ("secret", "token", "127.0.0.1"))
