"""nginx with HTTPS and HTTP/2, as it is shipped."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.e2e.gateway import Gateway
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.processes import PATIENCE_S

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "tls.crt", folder / "tls.key"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def secured(gevent_gateway: Gateway, folder: Path) -> Iterator[Gateway]:
    """The gateway by its address at nginx."""
    public, private = certificate(folder)
    files = {"ssl_certificate": str(public), "ssl_certificate_key": str(private)}
    with (
        running_nginx(gevent_gateway.url, folder, "listen-tls.conf", **files) as url,
        requests.Session() as session,
    ):
        session.trust_env, session.verify = False, str(public)
        yield replace(gevent_gateway, url=url, session=session)


def test_answers_come_over_https_and_say_that_they_always_do(secured: Gateway) -> None:
    shown = secured.create("hello")
    answer = secured.get(shown["id"])
    assert answer.json() == shown
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert secured.stream("hello").events[-1]["type"] == "response.completed"


def test_what_nginx_refuses_over_https_says_so_too(secured: Gateway) -> None:
    refused = secured.session.request("TRACE", secured.url, timeout=PATIENCE_S)
    assert (refused.status_code, refused.json()["error"]["param"]) == (405, None)
    assert refused.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("spoken", [["h2", "http/1.1"], ["http/1.1"]], ids=["h2", "http/1.1"])
def test_who_speaks_http_2_gets_it(secured: Gateway, folder: Path, spoken: list[str]) -> None:
    context = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    context.set_alpn_protocols(spoken)
    place = urlsplit(secured.url)
    with (
        socket.create_connection((place.hostname, place.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as caller,
    ):
        assert caller.selected_alpn_protocol() == spoken[0]


def test_a_websocket_of_the_gateways_own_page_goes_through_https(
    secured: Gateway, folder: Path
) -> None:
    url = secured.url.replace("https://", "wss://") + "/v1/responses"
    headers = {"Authorization": f"Bearer {secured.keys.own}"}
    trusted = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    own = Origin(secured.url)
    with connect(url, additional_headers=headers, origin=own, ssl=trusted, proxy=None) as caller:
        caller.send('{"type": "response.create", "model": "steady", "input": "hello"}')
        assert '"response.created"' in str(caller.recv(PATIENCE_S))


@pytest.mark.usefixtures("secured")
def test_a_key_that_came_in_the_open_is_refused(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE_S)
        caller.connect(str(folder / "plain"))
        caller.sendall(b"POST /v1/responses HTTP/1.0\r\nAuthorization: Bearer sk-x\r\n\r\n")
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Use https:// for base_url" in answer


def test_plain_http_at_the_port_for_https_is_refused_in_words(secured: Gateway) -> None:
    answer = requests.get(secured.url.replace("https:", "http:"), timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "https_required")
    assert answer.headers["X-Request-ID"]
