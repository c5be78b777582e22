"""What REDIS_URL says."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError
from app.settings.redis.url import RedisUrl, parse

ONE = (("redis", 6379),)
PASSWORD = "se/cr@t"  # noqa: S105 - nobody's
TWO = (("a", 26379), ("b", 7))


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where the files are that URLs name, and no gateway runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("ca.pem", "c.pem", "k.pem"):
        Path(name).write_text("-----BEGIN CERTIFICATE-----", "utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis://redis", RedisUrl(kind="single", hosts=ONE)),
        ("redis://redis/", RedisUrl(kind="single", hosts=ONE)),
        ("redis://redis:7/3", RedisUrl(kind="single", hosts=(("redis", 7),), db=3)),
        ("redis://[::1]:7", RedisUrl(kind="single", hosts=(("::1", 7),))),
        (
            "redis://:se%2Fcr%40t@redis",
            RedisUrl(kind="single", hosts=ONE, password=PASSWORD),
        ),
        (
            "rediss://user:se%2Fcr%40t@redis",
            RedisUrl(kind="single", hosts=ONE, user="user", password=PASSWORD, tls={}),
        ),
        (
            "rediss://redis?ca=ca.pem&cert=c.pem&key=k.pem&check_hostname=no",
            RedisUrl(
                kind="single",
                hosts=ONE,
                tls={
                    "ssl_ca_certs": "ca.pem",
                    "ssl_certfile": "c.pem",
                    "ssl_keyfile": "k.pem",
                    "ssl_check_hostname": False,
                },
            ),
        ),
        (
            "rediss://redis?check_hostname=yes",
            RedisUrl(kind="single", hosts=ONE, tls={"ssl_check_hostname": True}),
        ),
        ("unix:///run/redis.sock", RedisUrl(kind="unix", path="/run/redis.sock")),
        (
            "unix://user:se%2Fcr%40t@/run/a%20b.sock?db=2",
            RedisUrl(kind="unix", path="/run/a b.sock", db=2, user="user", password=PASSWORD),
        ),
        (
            "redis+sentinel://a,b:7/main",
            RedisUrl(kind="sentinel", hosts=TWO, service="main"),
        ),
        (
            "rediss+sentinel://:se%2Fcr%40t@a,b:7/main/4?sentinel_user=s&sentinel_password=se/cr@t",
            RedisUrl(
                kind="sentinel",
                hosts=TWO,
                service="main",
                db=4,
                password=PASSWORD,
                tls={},
                sentinel_tls={},
                sentinel_user="s",
                sentinel_password=PASSWORD,
            ),
        ),
        (
            "rediss+sentinel://a,b:7/main?sentinel_ssl=no&check_hostname=no",
            RedisUrl(
                kind="sentinel",
                hosts=TWO,
                service="main",
                tls={"ssl_check_hostname": False},
            ),
        ),
        (
            "redis+sentinel://a,b:7/main?check_hostname=no&sentinel_ssl=yes",
            RedisUrl(
                kind="sentinel",
                hosts=TWO,
                service="main",
                sentinel_tls={"ssl_check_hostname": False},
            ),
        ),
        (
            "rediss://redis?ssl_ca_certs=ca.pem&ssl_certfile=c.pem&ssl_keyfile=k.pem"
            "&ssl_password=p&ssl_cert_reqs=CERT_NONE&ssl_check_hostname=False&ssl_ca_path=."
            "&ssl_ciphers=HIGH&ssl_min_version=772",
            RedisUrl(
                kind="single",
                hosts=ONE,
                tls={
                    "ssl_ca_certs": "ca.pem",
                    "ssl_certfile": "c.pem",
                    "ssl_keyfile": "k.pem",
                    "ssl_password": "p",
                    "ssl_cert_reqs": "none",
                    "ssl_check_hostname": False,
                    "ssl_ca_path": ".",
                    "ssl_ciphers": "HIGH",
                    "ssl_min_version": ssl.TLSVersion.TLSv1_3,
                },
            ),
        ),
        (
            "redis://redis?db=3&username=user&password=se%2Fcr%40t&client_name=gw&socket_timeout=1.5"
            "&socket_connect_timeout=1&socket_keepalive=true&socket_read_size=4096"
            "&health_check_interval=10&max_connections=7",
            RedisUrl(
                kind="single",
                hosts=ONE,
                db=3,
                user="user",
                password=PASSWORD,
                options={
                    "client_name": "gw",
                    "socket_keepalive": True,
                    "socket_read_size": 4096,
                    "health_check_interval": 10,
                },
                settings={"timeout_s": 1.5, "connect_timeout_s": 1.0, "pool_size": 7},
            ),
        ),
        ("redis+cluster://redis", RedisUrl(kind="cluster", hosts=ONE)),
        (
            "rediss+cluster://redis,[::1]:8/0",
            RedisUrl(kind="cluster", hosts=(*ONE, ("::1", 8)), tls={}),
        ),
    ],
)
def test_a_url_says(text: str, said: RedisUrl) -> None:
    assert parse(text) == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must begin with"),
        ("redis", "must begin with"),
        ("http://redis", "must begin with"),
        ("redisss://redis", "must begin with"),
        ("unixs:///x", "must begin with"),
        ("redis://", "must name a host"),
        ("redis://a,b", "several hosts"),
        ("redis://redis:port", "cannot be read"),
        ("redis://redis:70000", "cannot be read"),
        ("redis://redis/main", "by its number"),
        ("redis://redis/1/2", "by its number"),
        ("redis://redis/²", "by its number"),
        ("redis://redis/1?db=2", "two databases"),
        ("redis://redis?db=x", "by its number"),
        ("redis://redis?ca=ca.pem", "must begin with rediss for the option ca"),
        ("redis://redis?ssl_ca_certs=ca.pem", "must begin with rediss for the option ssl_ca_certs"),
        ("rediss://redis?x=1", "options here: ca, cert, check_hostname, client_name"),
        ("rediss://redis?ssl_ca_cert=ca.pem", "(did you mean ssl_ca_certs?)"),
        ("redis://redis?decode_responses=true", "options here: client_name"),
        ("redis://redis?protocol=3", "options here: client_name"),
        ("rediss://redis?ssl_ca_certs=none.pem", "ssl_ca_certs that names a file that cannot be"),
        ("rediss://redis?ssl_ca_path=ca.pem", "ssl_ca_path that names no directory"),
        ("rediss://redis?cert=c.pem", "both cert and key"),
        ("rediss://redis?ssl_keyfile=k.pem", "both cert and key"),
        ("rediss://redis?check_hostname=maybe", "check_hostname that must be yes or no"),
        ("rediss://redis?ssl_cert_reqs=never", "must be one of none, optional, required"),
        ("rediss://redis?ssl_min_version=1.0", "must be 1.2 or 1.3"),
        ("redis://redis?socket_timeout=0", "must be a number of seconds, more than 0"),
        ("redis://redis?socket_timeout=4294968", "more than 0 and at most 2000000"),
        ("redis://redis?socket_timeout=nan", "must be a number of seconds, more than 0"),
        ("redis://redis?socket_timeout=soon", "must be a number of seconds, more than 0"),
        ("redis://redis?max_connections=0", "must be a whole number of at least 1"),
        ("redis://redis?client_name=two%20words", "must be a name without spaces"),
        ("redis://[redis", "cannot be read"),
        ("redis+cluster://redis?db=0", "options here: client_name"),
        ("unix:///run/redis.sock?socket_keepalive=yes", "options here: client_name"),
        ("unix://redis.sock", "absolute path"),
        ("unix:///run/redis.sock?db=x", "by its number"),
        ("redis+sentinel://a", "must name the service"),
        ("redis+sentinel://a/main/x", "by its number"),
        ("redis+sentinel://a,/main", "must name a host"),
        ("redis+cluster://a/3", "must not name a database"),
        ("redis+cluster://a/0/1", "must not name a database"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|has|names|may) ") as refusal:
        parse(text)
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "redis://:p/w@redis:6379/0",
        "redis://:p?w@redis:6379/0",
        "redis://:p#w@redis:6379/0",
        "redis://user:12#4@redis",
        "redis://user:12/4@redis",
        "redis://:p@ss/word@redis",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_met_by_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"write / as %2F, [?] as %3F, # as %23 and @ as %40$"):
        parse(text)


def test_other_faults_of_a_url_are_not_met_by_it() -> None:
    for text in ("redis://:p%2Fw@redis/main", "redis://:p@w@redis/main"):
        with pytest.raises(ValueError, match=r"by its number$"):
            parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "redis://user:secret@a,b",
        "redis://user:secret@redis:port",
        "redis://user:se?cret@redis",
        "redis://user:se/cret@redis",
        "redis://user:1/cret@redis",
        "redis+sentinel://user:1/cret/cret@redis/main",
        "redis://:secret@redis/main",
        "redis://user:secret@",
        "secret",
    ],
)
def test_no_refusal_tells_a_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|has|names|may) ") as refusal:
        parse(text)
    assert "cret" not in str(refusal.value)


def test_no_password_is_shown() -> None:
    shown = repr(parse("redis+sentinel://:secret@a/main?sentinel_password=secret"))
    assert "secret" not in shown


def test_a_url_that_cannot_be_used_is_told_at_start_without_a_traceback() -> None:
    with pytest.raises(SettingsError, match=r"^REDIS_URL may have these options here: .*ssl_ca_"):
        Settings.from_env({"REDIS_URL": "rediss://:secret@redis?ssl_ca_cert=secret"})
    Path("gateway.toml").write_text('[redis]\nurl = "redis://redis?db=secret"\n', "utf-8")
    with pytest.raises(
        SettingsError, match=r"line 2: \[redis\] url must name a database"
    ) as caught:
        Settings.from_env({})
    assert "secret" not in str(caught.value)


def test_what_the_url_says_wins_over_the_file() -> None:
    Path("gateway.toml").write_text("[redis]\ntimeout_s = 9\npool_size = 9\n", "utf-8")
    redis = Settings.from_env({"REDIS_URL": "redis://redis?socket_timeout=3"}).redis
    assert (redis.timeout_s, redis.pool_size) == (3, 9)
