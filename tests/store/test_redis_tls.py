"""Redis over TLS, as a user that may touch nothing but its own prefix."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock, create_autospec

import certifi
import pytest
import redis

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.tls import TlsConnection
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from tests.processes import PATIENCE_S, free_port, started, until
from tests.redis_server import binary
from tests.store.turns import ACCOUNT, chain, left_by, purged, question, saved

CERTIFICATE = Path(__file__).parent.parent / "upstream" / "certificate.pem"
#: What the gateway needs of Redis to store responses.
# As docs/deployment.md has it.
RIGHTS = "~rg:* &* +@all -@dangerous -@admin +info"


def has_tls() -> bool:
    """Tell whether the redis-server speaks TLS: one that does finds fault with its files only."""
    argv = [str(binary()), "--port", "0", "--tls-port", "1", "--tls-cert-file", "/nowhere"]
    result = subprocess.run(argv, capture_output=True, check=False, timeout=PATIENCE_S)  # noqa: S603 - the suite's own redis-server
    return b"Failed to configure TLS" in result.stdout + result.stderr


pytestmark = pytest.mark.skipif(not has_tls(), reason="this redis-server has no TLS")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Redis that speaks TLS only and knows the user `gateway`."""
    port = free_port()
    tls = [
        option
        for name, value in {
            "--tls-port": str(port),
            "--tls-cert-file": str(CERTIFICATE),
            "--tls-key-file": str(CERTIFICATE),
            "--tls-ca-cert-file": str(CERTIFICATE),
            "--tls-auth-clients": "no",
        }.items()
        for option in (name, value)
    ]
    user = ["--user", "gateway", "on", ">secret", *RIGHTS.split()]
    home = str(tmp_path_factory.mktemp("redis"))
    argv = [str(binary()), "--port", "0", "--save", "", "--dir", home, *tls, *user]
    with started(argv, stdout=subprocess.DEVNULL):
        with redis.Redis(port=port, ssl=True, ssl_ca_certs=str(CERTIFICATE)) as client:
            until(lambda: answers(client), "Redis to answer")
        yield port


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def store(url: str) -> RedisStore:
    return RedisStore(connect(RedisSettings(url=url)), "rg:")


def test_a_user_with_few_rights_can_do_everything(port: int) -> None:
    url = f"rediss://gateway:secret@localhost:{port}?ca={CERTIFICATE}"
    with connect(RedisSettings(url=url)) as client:
        store = RedisStore(client, "rg:")
        turns = chain(store, 30)
        assert store.context(ACCOUNT, turns[-1].response.id).items == left_by(*turns)
        theirs = saved(store, given=(question("x", "msg_theirs"),))
        assert store.items(ACCOUNT, ["msg_theirs"]) == {"msg_theirs": theirs.input[0]}
        store.delete(ACCOUNT, theirs.response.id)
        archive = RedisArchive(client, "rg:")
        assert purged(archive, 2**40) == [theirs.response.id]
        assert len(list(archive.erase(ACCOUNT, print))) == 2


@pytest.mark.parametrize(
    "url",
    [
        "rediss://gateway:wrong@localhost:{port}?ca={ca}",
        "rediss://gateway:secret@localhost:{port}",
        "redis://gateway:secret@localhost:{port}",
    ],
    ids=["wrong password", "unknown authority", "no TLS"],
)
def test_a_connection_that_is_not_as_it_should_be_is_none(port: int, url: str) -> None:
    with pytest.raises(StorageUnavailable):
        store(url.format(port=port, ca=CERTIFICATE)).ping()


def test_a_name_that_the_certificate_does_not_have_is_refused_unless_told_otherwise(
    port: int,
) -> None:
    url = f"rediss://gateway:secret@127.0.0.2:{port}?ca={CERTIFICATE}"
    with pytest.raises(StorageUnavailable):
        store(url).ping()
    store(f"{url}&check_hostname=no").ping()


def test_only_a_named_authority_is_trusted(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))  # the system's authorities
    store(f"rediss://gateway:secret@localhost:{port}").ping()
    with pytest.raises(StorageUnavailable):
        store(f"rediss://gateway:secret@localhost:{port}?ca={certifi.where()}").ping()


def test_files_are_read_again_once_they_are_replaced(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Mock(wraps=ssl.create_default_context)
    monkeypatch.setattr(ssl, "create_default_context", make)
    authority = tmp_path / "ca.pem"
    authority.write_bytes(CERTIFICATE.read_bytes())
    url = f"rediss://gateway:secret@localhost:{port}?ca={authority}"
    for _ in range(3):
        store(url).ping()
    assert make.call_count == 1
    authority.write_bytes(Path(certifi.where()).read_bytes())
    with pytest.raises(StorageUnavailable):
        store(url).ping()
    assert make.call_count == 2


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("rediss://gateway:wrong@localhost:{port}?ca={ca}", 1),
        ("rediss://gateway:secret@127.0.0.2:{port}?ca={ca}", 1),
        ("rediss://gateway:secret@localhost:{nowhere}?ca={ca}", 4),
    ],
    ids=["wrong password", "wrong name", "nobody there"],
)
def test_what_is_refused_is_not_tried_again(
    port: int, monkeypatch: pytest.MonkeyPatch, url: str, most: int
) -> None:
    connect_once = create_autospec(TlsConnection._connect, side_effect=TlsConnection._connect)
    monkeypatch.setattr(TlsConnection, "_connect", connect_once)
    with pytest.raises(StorageUnavailable):
        store(url.format(port=port, ca=CERTIFICATE, nowhere=free_port())).ping()
    assert connect_once.call_count == most
