"""Documents of others: fetched within bounds, with a login where one is wanted."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from app.errors import UpstreamUnavailable
from app.providers.documents import source
from app.providers.documents.source import MAX_BYTES, LocalDocument, RemoteDocument
from tests.processes import free_port
from tests.providers.raw_server import CERTIFICATE, RawServer, Script, Wire

DOCUMENT = b'{"keys":[]}'


def answering(body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n") -> Script:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(body, head)

    return script


def refusal(url: str) -> str:
    with pytest.raises(UpstreamUnavailable) as caught:
        RemoteDocument(url, "the key set").fetch()
    return caught.value.message


def test_a_document_is_fetched_from_exactly_its_address() -> None:
    lines: list[str] = []

    def script(wire: Wire) -> None:
        lines.append(wire.hear().line)
        wire.answer(DOCUMENT)

    with RawServer(script) as server:
        assert RemoteDocument(f"{server.url}/keys/?v=1", "it").fetch() == DOCUMENT
    assert lines == ["GET /v1/keys/?v=1 HTTP/1.1"]


@pytest.mark.parametrize("status", [204, 301, 302, 401, 404, 500])
def test_any_other_answer_is_none_and_no_redirect_is_followed(status: int) -> None:
    head = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\n" % status
    with RawServer(answering(DOCUMENT, head)) as server:
        assert f"the answer is HTTP {status}" in refusal(server.url)
        assert server.served == 1


def test_a_document_without_end_is_left() -> None:
    def endless(wire: Wire) -> None:
        wire.hear()
        wire.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            wire.say(b" " * 65536)

    with RawServer(endless) as server:
        assert f"longer than {MAX_BYTES} bytes" in refusal(server.url)


def test_a_document_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_S", 0.05)

    def silent(wire: Wire) -> None:
        wire.hear()
        wire.wait_for_hang_up()

    with RawServer(silent) as server:
        assert "no answer came in time" in refusal(server.url)


def test_where_nobody_listens_the_address_and_the_reason_are_named() -> None:
    url = f"http://127.0.0.1:{free_port()}/keys"
    assert refusal(f"{url}?token=secret") == (
        f"the key set cannot be read from {url}: Connection refused"
    )


def test_a_login_is_read_each_time(tmp_path: Path) -> None:
    heard: list[str] = []

    def script(wire: Wire) -> None:
        wire.serve_tls()
        heard.append(wire.hear().headers["authorization"])
        wire.answer(DOCUMENT)

    file = tmp_path / "token"
    with RawServer(script) as server:
        document = RemoteDocument(server.tls_url, "it", ca_file=CERTIFICATE, token_file=file)
        for text in ("one\n", "two\n"):
            file.write_text(text)
            assert document.fetch() == DOCUMENT
    assert heard == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("login", [b"secret\r\nX-Other: 1", b"secret\xff"])
def test_a_login_that_cannot_be_sent_is_refused_unseen(tmp_path: Path, login: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(login)
    with pytest.raises(UpstreamUnavailable, match="cannot be sent") as caught:
        RemoteDocument("https://issuer.test/keys", "it", token_file=file).fetch()
    assert "secret" not in caught.value.message


def test_a_certificate_of_nobody_is_not_trusted() -> None:
    def script(wire: Wire) -> None:
        wire.serve_tls()

    with RawServer(script) as server:
        assert "certificate cannot be verified" in refusal(server.tls_url)


def test_a_document_in_a_file_is_read_within_bounds(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with pytest.raises(UpstreamUnavailable, match=r"keys\.json cannot be read: No such file"):
        LocalDocument(file, "it").fetch()
    file.write_bytes(DOCUMENT)
    assert LocalDocument(file, "it").fetch() == DOCUMENT
    with patch.object(source, "MAX_BYTES", 5), pytest.raises(UpstreamUnavailable, match="longer"):
        LocalDocument(file, "it").fetch()
