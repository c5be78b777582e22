"""Events on their way to strangers' servers, whatever these do."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.domain.webhooks.deliveries import Receipt
from app.providers.webhooks import resolver
from app.providers.webhooks.sender import WebhookSender
from app.settings import WebhookSettings
from tests.processes import free_port
from tests.providers.raw_server import CERTIFICATE, RawServer, Wire
from tests.webhook_receiver import Receiver, receiving

BODY, HEADERS = b'{"id":"evt_1"}', {"webhook-id": "evt_1"}
HASTY_S = 0.3
#: A date whose time zone is no number of seconds that Python knows.
FAR = "Mon, 01 Jan 2029 00:00:00 +" + "9" * 20


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def posted(url: str, *, timeout_s: float = 10.0, private: bool = True) -> Receipt:
    """Return what became of an event."""
    settings = WebhookSettings(allow_private_addresses=private, timeout_s=timeout_s)
    return WebhookSender(settings).post(url, BODY, HEADERS)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to these addresses, look-up after look-up; return what was looked up."""
    names: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        names.append(host)
        found = answers[min(len(names), len(answers)) - 1]
        kinds = {False: socket.AF_INET, True: socket.AF_INET6}
        return [
            (
                kinds[":" in each],
                socket.SOCK_STREAM,
                0,
                "",
                (each, port, 0, 0)[: 4 if ":" in each else 2],
            )
            for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


def refusing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Have this thread connect to nothing; return what it tried to connect to."""
    tried: list[tuple[str, int]] = []
    connects, ours = socket.socket.connect_ex, threading.current_thread()

    def connect(made: socket.socket, address: tuple[str, int]) -> int:
        if threading.current_thread() is not ours:
            return connects(made, address)
        tried.append(address)
        return errno.ECONNREFUSED

    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return tried


def test_an_event_is_posted_as_it_is(receiver: Receiver) -> None:
    receipt = posted(receiver.url + "/ok?x=1")
    (got,) = receiver.received
    assert (receipt.status, receipt.fault, receipt.is_taken) == (200, None, True)
    assert (got.path, got.body) == ("/ok?x=1", BODY)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "evt_1"
    assert got.headers["host"] == receiver.url.removeprefix("http://")
    assert got.headers["user-agent"] == "responses-gateway"


@pytest.mark.parametrize("status", [201, 204, 300, 400, 404, 410, 500, 503])
def test_whatever_it_answers_is_its_status(receiver: Receiver, status: int) -> None:
    receiver.statuses["/x"] = [status]
    assert posted(receiver.url + "/x").status == status


def test_what_comes_before_the_answer_is_not_it(receiver: Receiver) -> None:
    receiver.statuses["/hint"] = [204]
    assert posted(receiver.url + "/hint").status == 204


@pytest.mark.parametrize("status", [100, 103])
def test_what_comes_before_the_answer_is_bounded(status: int) -> None:
    """Under gevent no limit of time ends it if it comes faster than it is read."""

    def pour(wire: Wire) -> None:
        wire.hear()
        with contextlib.suppress(OSError):
            while True:
                wire.say(b"HTTP/1.1 %d Wait\r\n\r\n" % status * 100)

    with RawServer(pour) as server:
        assert posted(server.url, timeout_s=2.0).fault == "no_answer"


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receipt = posted(receiver.url + "/redirect")
    assert (receipt.status, receipt.is_taken) == (307, False)
    assert [each.path for each in receiver.received] == ["/redirect"]


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_one_that_hangs_or_drips_has_its_time_and_no_more(receiver: Receiver, way: str) -> None:
    receipt = posted(f"{receiver.url}/{way}", timeout_s=HASTY_S)
    assert (receipt.status, receipt.fault) == (None, "timeout")


@pytest.mark.parametrize("way", ["ok", "hang", "drip", "babble"])
def test_an_attempt_says_how_long_it_took(receiver: Receiver, way: str) -> None:
    settings = WebhookSettings(allow_private_addresses=True, timeout_s=HASTY_S)
    sender = WebhookSender(settings, iter((100.0, 102.5)).__next__)
    assert sender.post(f"{receiver.url}/{way}", BODY, HEADERS).duration_s == 2.5


def test_an_endless_answer_is_not_read(receiver: Receiver) -> None:
    assert posted(receiver.url + "/pour").status == 200


def test_an_endless_redirect_is_not_read_either(receiver: Receiver) -> None:
    receipt = posted(receiver.url + "/flood")
    assert (receipt.status, receipt.fault) == (307, None)


def test_what_is_not_http_is_no_answer(receiver: Receiver) -> None:
    assert posted(receiver.url + "/babble").fault == "no_answer"


def test_a_server_that_closes_is_no_answer() -> None:
    def answer(wire: Wire) -> None:
        wire.hear()
        wire.reset()

    with RawServer(answer) as server:
        assert posted(server.url).fault == "no_answer"


@pytest.mark.parametrize("error", [ConnectionResetError, BrokenPipeError])
def test_a_server_that_closes_before_there_is_a_connection(
    error: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dial(*_: object) -> socket.socket:
        raise error(errno.ECONNRESET, "closed in the middle of TLS")

    monkeypatch.setattr("app.providers.wire.dial.Dialer.dial", dial)
    assert posted("http://127.0.0.1/").fault == "connection_failed"


def test_a_port_that_nobody_listens_at_is_no_connection() -> None:
    assert posted(f"http://127.0.0.1:{free_port()}/").fault == "connection_failed"


def test_a_name_that_is_none_is_unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert posted("http://receiver.invalid/").fault == "unresolved"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("soon", None),
        ("-1", None),
        ("9" * 30, None),
        ("1e3", None),
        (FAR, None),
    ],
)
def test_a_wait_that_is_wanted_is_read(
    receiver: Receiver, given: str, seconds: float | None
) -> None:
    receiver.statuses["/x"], receiver.headers["Retry-After"] = [429], given
    assert posted(receiver.url + "/x").retry_after_s == seconds


def test_a_wait_until_a_date_is_read(receiver: Receiver) -> None:
    receiver.headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(hours=2))
    wanted_s = posted(receiver.url + "/x").retry_after_s
    assert wanted_s is not None
    assert 7000 < wanted_s <= 7200


def test_plain_http_is_refused_unless_private_addresses_are_allowed(receiver: Receiver) -> None:
    assert posted(receiver.url + "/ok", private=False).fault == "insecure_url"
    assert receiver.received == []


def test_a_scheme_may_be_written_in_capitals() -> None:
    assert posted("HTTPS://127.0.0.1:9/", private=False).fault == "private_address"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"],  # noqa: S104
)
def test_a_private_address_in_the_url_is_not_connected_to(host: str) -> None:
    assert posted(f"https://{host}:9/", private=False).fault == "private_address"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "fd00:ec2::254"])
def test_a_name_that_leads_to_one_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    names = resolving(monkeypatch, [address])
    assert posted("https://receiver.example:9/", private=False).fault == "private_address"
    assert names == ["receiver.example"]


def test_what_was_judged_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is judged; asked again it would be private."""
    tried = refusing(monkeypatch)
    names = resolving(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    assert posted("https://receiver.example/", private=False).fault == "connection_failed"
    assert posted("https://receiver.example/", private=False).fault == "private_address"
    assert tried == [("93.184.215.14", 443)]
    assert names == ["receiver.example"] * 2


def test_of_several_addresses_only_the_public_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = refusing(monkeypatch)
    resolving(monkeypatch, ["10.0.0.1", "93.184.215.14", "::1", "2606:4700:4700::1111"])
    posted("https://receiver.example/", private=False)
    assert [host for host, *_ in tried] == ["93.184.215.14", "2606:4700:4700::1111"]


def by_tls(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> Receipt:
    """Post by TLS to a name that resolves to this machine, as if that were public."""
    monkeypatch.setattr(resolver, "is_public", lambda _: True)
    resolving(monkeypatch, ["127.0.0.1"])
    sender = WebhookSender(WebhookSettings(), ca_file=CERTIFICATE)
    return sender.post(url.format(port), BODY, HEADERS)


def test_by_tls_the_name_stays_the_one_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    def script(wire: Wire) -> None:
        wire.serve_tls()
        hosts.append(wire.hear().headers["host"])
        wire.answer(b"")

    with RawServer(script) as server:
        assert by_tls("https://localhost:{}/", server.port, monkeypatch).status == 200
    assert hosts == [f"localhost:{server.port}"]


def test_a_certificate_has_to_be_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda wire: wire.serve_tls()) as server:
        receipt = by_tls("https://receiver.example:{}/", server.port, monkeypatch)
    assert receipt.fault == "tls_failed"


def test_a_receiver_that_wants_a_certificate_of_ours_is_a_matter_of_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In TLS 1.3 it says so once our end of the handshake is over."""

    def script(wire: Wire) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.load_verify_locations(CERTIFICATE)
        context.verify_mode = ssl.CERT_REQUIRED
        plain = wire.sock.dup()
        wire.sock = context.wrap_socket(wire.sock, server_side=True, do_handshake_on_connect=False)
        with pytest.raises(ssl.SSLError):
            wire.sock.do_handshake()
        with plain:
            while plain.recv(65536):
                continue

    with RawServer(script) as server:
        assert by_tls("https://localhost:{}/", server.port, monkeypatch).fault == "tls_failed"


def test_a_handshake_has_the_time_of_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda wire: wire.wait_for_hang_up()) as server:
        monkeypatch.setattr(resolver, "is_public", lambda _: True)
        settings = WebhookSettings(timeout_s=HASTY_S)
        receipt = WebhookSender(settings).post(f"https://127.0.0.1:{server.port}/", BODY, {})
    assert receipt.fault == "timeout"


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert posted(receiver.url + "/ok").status == 200
