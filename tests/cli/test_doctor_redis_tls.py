"""`doctor` on a Redis that speaks TLS, and one that does not: what is wrong, and what mends it."""

from __future__ import annotations

import contextlib
import json
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

from app.cli.doctor.command import doctor
from app.cli.doctor.redis import unreachable
from app.cli.doctor.redis_tls import tls_remedy
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.reasons import reason
from tests.providers.raw_server import RawServer, Script, Wire

#: As OpenSSL 3 and redis-py 8 have said it; why the store is away, for the log; words of what mends
#: it.
SAID: dict[str, tuple[str, str, str]] = {
    "no certificate of ours, TLS 1.3": (
        "Error while reading from redis:6379 : (1, '[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] "
        "tlsv13 alert certificate required (_ssl.c:2580)')",
        "TLS failed: tlsv13 alert certificate required",
        "?ssl_certfile=",
    ),
    "no certificate of ours, TLS 1.2": (
        "Error 1 connecting to redis:6379. [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert "
        "handshake failure (_ssl.c:1006).",
        "TLS failed: sslv3 alert handshake failure",
        "?ssl_certfile=",
    ),
    "ours of another authority": (
        "Error 1 connecting to redis:6379. [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca "
        "(_ssl.c:1006).",
        "TLS failed: tlsv1 alert unknown ca",
        "tls-ca-cert-file",
    ),
    "ours is over": (
        "Error 1 connecting to redis:6379. [SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert "
        "certificate expired (_ssl.c:1006).",
        "TLS failed: sslv3 alert certificate expired",
        "renew the certificate of ours",
    ),
    "its own is over": (
        "Error 1 connecting to redis:6379. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
        "failed: certificate has expired (_ssl.c:1006).",
        "TLS failed: certificate verify failed: certificate has expired",
        "renew the certificate of Redis",
    ),
    "another name": (
        "Error 1 connecting to redis:6379. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
        "failed: Hostname mismatch, certificate is not valid for 'redis'. (_ssl.c:1006).",
        "TLS failed: certificate verify failed: Hostname mismatch, certificate is not valid for "
        "'redis'",
        "?ssl_check_hostname=no",
    ),
    "no version in common": (
        "Error 1 connecting to redis:6379. [SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert "
        "protocol version (_ssl.c:1006).",
        "TLS failed: tlsv1 alert protocol version",
        "tls-protocols",
    ),
    "another key": (
        "Error 116 connecting to redis:6379. [X509: KEY_VALUES_MISMATCH] key values mismatch "
        "(_ssl.c:3926).",
        "TLS failed: key values mismatch",
        "ssl_keyfile",
    ),
    "no PEM": (
        "Error 524297 connecting to redis:6379. [SSL] PEM lib (_ssl.c:3905).",
        "TLS failed: PEM lib",
        "-----BEGIN",
    ),
    "hung up": (
        "Error 8 while writing to socket. EOF occurred in violation of protocol (_ssl.c:2427).",
        "connection closed",
        "its log",
    ),
    "a Sentinel of another authority": (
        "no Sentinel answers: Error 1 connecting to redis:26379. [SSL: CERTIFICATE_VERIFY_FAILED] "
        "certificate verify failed: self-signed certificate (_ssl.c:1006).",
        "TLS failed: certificate verify failed: self-signed certificate",
        "?ssl_ca_certs=",
    ),
}


@pytest.mark.parametrize("kind", [ConnectionLost, RedisClusterException])
@pytest.mark.parametrize("said", SAID)
def test_what_is_wrong_with_tls_is_said_and_so_is_what_mends_it(
    said: str, kind: type[RedisError]
) -> None:
    text, cause, remedy = SAID[said]
    fault = StorageUnavailable("Redis is unreachable.")
    fault.__cause__ = kind(text)
    assert reason(fault) == cause
    assert remedy in (tls_remedy(fault.__cause__) or "")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionLost("Error 111 connecting to redis:1. Connection refused."), "connection ref"),
        (ConnectionLost("no Sentinel answers: Timeout connecting to server"), "no Sentinel ans"),
        (ConnectionLost("the Sentinels name no master"), "the Sentinels name no master"),
        (TimedOut("Timeout reading from socket"), "timed out"),
    ],
)
def test_of_other_causes_tls_has_nothing_to_say(error: RedisError, cause: str) -> None:
    fault = StorageUnavailable("Redis is unreachable.")
    fault.__cause__ = error
    assert reason(fault).startswith(cause)
    assert tls_remedy(error) is None


@pytest.mark.parametrize("refusal", [AuthenticationError("invalid"), NoPermissionError("may not")])
def test_a_login_that_the_sentinels_refuse_is_theirs(refusal: RedisError) -> None:
    asked = ConnectionLost(f"a Sentinel refuses: {refusal}")
    asked.__cause__ = refusal
    fault = StorageUnavailable("Redis is unreachable.")
    fault.__cause__ = ConnectionLost(f"no Sentinel answers: {asked}")
    fault.__cause__.__cause__ = asked
    finding = unreachable(fault, RedisSettings(url="redis+sentinel://redis:26379/main"))
    assert finding.detail.startswith("the Sentinels refuse the login")
    assert "sentinel_password=" in finding.remedy


def _speaks_tls(wire: Wire) -> None:
    with contextlib.suppress(ssl.SSLError):
        wire.serve_tls()


#: What listens, what REDIS_URL says of it, and words of what mends it.
LIVE: dict[str, tuple[Script, str, str]] = {
    "an authority that nobody knows": (_speaks_tls, "rediss://localhost:{}", "?ssl_ca_certs="),
    "no TLS there": (
        lambda wire: wire.wait_for_hang_up(),
        "rediss://localhost:{}?socket_connect_timeout=0.2&socket_timeout=0.2",
        "redis://",
    ),
    "no TLS there, a Sentinel": (
        lambda wire: wire.wait_for_hang_up(),
        "rediss+sentinel://localhost:{}/main?socket_connect_timeout=0.2&socket_timeout=0.2",
        "a port without TLS wants redis://",
    ),
    "no TLS there, a Sentinel alone": (
        lambda wire: wire.wait_for_hang_up(),
        "rediss+sentinel://localhost:{}/main?socket_connect_timeout=0.2&socket_timeout=0.2",
        "?sentinel_ssl=",
    ),
    "no TLS here, a Sentinel alone": (
        _speaks_tls,
        "redis+sentinel://localhost:{}/main",
        "?sentinel_ssl=",
    ),
    "no TLS here": (_speaks_tls, "redis://localhost:{}", "rediss://"),
    "no TLS here, a Sentinel": (_speaks_tls, "redis+sentinel://localhost:{}/main", "rediss://"),
}


@pytest.mark.parametrize("case", LIVE)
def test_doctor_says_what_mends_a_redis_of_the_other_kind(case: str, tmp_path: Path) -> None:
    script, url, remedy = LIVE[case]
    (tmp_path / "gateway.toml").write_text("[background]\nenabled = false\n")
    with RawServer(script) as server:
        environ = {
            "REDIS_URL": url.format(server.port),
            "GATEWAY_CONFIG": str(tmp_path / "gateway.toml"),
            "SPOOL_DIR": str(tmp_path / "spool"),
        }
        result = CliRunner(env=environ).invoke(doctor, ["--json"])
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    (found,) = [each for each in findings if each["what"] == "redis"]
    assert found["state"] == "failed"
    assert remedy in found["remedy"], found
