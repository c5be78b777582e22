"""Sentinels and the servers that they name, each with TLS or without."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.responses.redis import RedisStore
from tests.processes import free_port, started, until
from tests.redis_server import binary
from tests.store.test_redis_tls import CERTIFICATE, answers, has_tls

pytestmark = pytest.mark.skipif(not has_tls(), reason="this redis-server has no TLS")

FILES = {
    "tls-cert-file": CERTIFICATE,
    "tls-key-file": CERTIFICATE,
    "tls-ca-cert-file": CERTIFICATE,
    "tls-auth-clients": "no",
}
CA = f"ssl_ca_certs={CERTIFICATE}&ssl_check_hostname=no"


def serve(stack: ExitStack, home: Path, config: dict[str, Any], *, tls: bool, role: str) -> int:
    """Start a Redis or a Sentinel, with TLS or without; return its port."""
    port, other = free_port(), "port" if tls else "tls-port"
    lines = {"bind": "127.0.0.1", "dir": home, **FILES, other: 0, **config}
    lines["tls-port" if tls else "port"] = port
    file = home / f"{port}.conf"
    file.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    stack.enter_context(started([binary(), file, *role.split()], stdout=subprocess.DEVNULL))
    options: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(CERTIFICATE)} if tls else {}
    client = stack.enter_context(redis.Redis("localhost", port, protocol=2, **options))
    until(lambda: answers(client), "it to answer")
    return port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What ends what was started."""
    with ExitStack() as stack:
        yield stack


def sentinel_port(stack: ExitStack, home: Path, *, tls: bool, servers_tls: bool) -> int:
    """Return the port of a Sentinel that watches one server."""
    port = serve(stack, home, {"save": '""'}, tls=servers_tls, role="")
    config = {
        "tls-replication": "yes" if servers_tls else "no",
        "sentinel": f"monitor main 127.0.0.1 {port} 1",
    }
    return serve(stack, home, config, tls=tls, role="--sentinel")


@pytest.mark.parametrize(
    ("tls", "servers_tls", "url"),
    [
        (False, False, "redis+sentinel://127.0.0.1:{port}/main"),
        (False, True, f"rediss+sentinel://127.0.0.1:{{port}}/main?sentinel_ssl=no&{CA}"),
        (True, False, f"redis+sentinel://127.0.0.1:{{port}}/main?sentinel_ssl=yes&{CA}"),
        (True, True, f"rediss+sentinel://127.0.0.1:{{port}}/main?{CA}"),
    ],
)
def test_sentinels_and_their_servers_speak_tls_each_for_themselves(
    stack: ExitStack, tmp_path: Path, tls: bool, servers_tls: bool, url: str
) -> None:
    port = sentinel_port(stack, tmp_path, tls=tls, servers_tls=servers_tls)
    with connect(RedisSettings(url=url.format(port=port))) as client:
        RedisStore(client, "rg:").ping()


def test_a_sentinel_with_tls_is_not_asked_without(stack: ExitStack, tmp_path: Path) -> None:
    port = sentinel_port(stack, tmp_path, tls=True, servers_tls=True)
    url = f"rediss+sentinel://127.0.0.1:{port}/main?sentinel_ssl=no&{CA}"
    with connect(RedisSettings(url=url)) as client, pytest.raises(StorageUnavailable):
        RedisStore(client, "rg:").ping()
