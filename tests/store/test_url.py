"""What REDIS_URL says."""

from __future__ import annotations

import pytest

from app.store.connection.url import RedisUrl, parse

ONE = (("redis", 6379),)
PASSWORD = "se/cr@t"  # noqa: S105 - nobody's
TWO = (("a", 26379), ("b", 7))


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
            "rediss://redis?ca=/ca.pem&cert=/c.pem&key=/k.pem&check_hostname=no",
            RedisUrl(
                kind="single",
                hosts=ONE,
                tls={
                    "ssl_ca_certs": "/ca.pem",
                    "ssl_certfile": "/c.pem",
                    "ssl_keyfile": "/k.pem",
                    "ssl_check_hostname": False,
                },
            ),
        ),
        ("rediss://redis?check_hostname=yes", RedisUrl(kind="single", hosts=ONE, tls={})),
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
                sentinel_user="s",
                sentinel_password=PASSWORD,
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
        ("redis://redis?db=2", "options here: none"),
        ("redis://redis?ca=/ca.pem", "options here: none"),
        ("rediss://redis?x=1", "options here: ca, cert, check_hostname, key"),
        ("rediss://redis?cert=/c.pem", "both cert and key"),
        ("rediss://redis?check_hostname=maybe", "check_hostname=yes or"),
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
    with pytest.raises(ValueError, match=r"^REDIS_URL ") as refusal:
        parse(text)
    assert why in str(refusal.value)


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
    with pytest.raises(ValueError, match=r"^REDIS_URL ") as refusal:
        parse(text)
    assert "cret" not in str(refusal.value)


def test_no_password_is_shown() -> None:
    shown = repr(parse("redis+sentinel://:secret@a/main?sentinel_password=secret"))
    assert "secret" not in shown
