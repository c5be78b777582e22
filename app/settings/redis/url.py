"""Parses REDIS_URL.

It is one of

    redis://[user[:password]@]host[:port][/db]          rediss:// is the same over TLS
    unix://[user[:password]@]/path/of/the.sock[?db=n]
    redis+sentinel://[user[:password]@]host[:port],host[:port]/service[/db]
    redis+cluster://[user[:password]@]host[:port],host[:port]

and `rediss+sentinel://`, `rediss+cluster://` over TLS. Options follow after a `?` (options.py),
with redis-py's names. Over TLS also `ca=FILE` (certificates to check the server's against; default:
the system's authorities), `cert=FILE` with `key=FILE` (our own), `check_hostname=no`. Sentinels
with a login of their own need `sentinel_user=` and `sentinel_password=`; `sentinel_ssl=no` is for
plain Sentinels whose servers use TLS, `=yes` for the reverse. User names and passwords are
percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from app.settings.redis.options import read_options

Kind = Literal["single", "unix", "sentinel", "cluster"]

_KINDS: dict[str, Kind] = {
    "redis": "single",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
#: A "@" after what ends the host, as if the login held that; and what to do about it.
_LOOKS_UNENCODED = re.compile("[/?#].*@")
_UNENCODED = "; in a user or password write / as %2F, ? as %3F, # as %23 and @ as %40"
_PORTS = {"single": 6379, "cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """A parsed URL.

    `tls` has redis-py's `ssl_…` options, None without TLS; `options` are other options of its
    connections, `settings` are fields of RedisSettings given in the URL. `sentinel_tls` is `tls`
    for the connections to Sentinels.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = field(default=None, repr=False)
    sentinel_tls: Mapping[str, Any] | None = field(default=None, repr=False)
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def parse(text: str) -> RedisUrl:
    """Parse a URL.

    Raises:
        ValueError: it is not a valid URL of a Redis. The message says why but quotes nothing: what
            looks like a host may be half of a password that was not percent-encoded.
    """
    try:
        return _parse(text)
    except ValueError as error:
        hint = _UNENCODED if _LOOKS_UNENCODED.search(text.partition("://")[2]) else ""
        raise ValueError(f"{error}{hint}") from None


def _parse(text: str) -> RedisUrl:
    scheme, separator, rest = text.strip().partition("://")
    tls = scheme.startswith("rediss")
    kind = _KINDS.get(scheme.replace("rediss", "redis", 1) if tls else scheme)
    if kind is None or not separator:
        raise ValueError(
            "must begin with redis://, rediss://, unix://, redis+sentinel://, "
            "rediss+sentinel://, redis+cluster:// or rediss+cluster://"
        )
    parts = _split(rest)
    if "@" in parts.fragment:
        raise ValueError("must not hold a # before its host")
    options = read_options(parts.query, kind=kind, tls=tls)
    login, _, location = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    path = unquote(parts.path)
    service, db = _below(kind, path, options.given.get("db", ""))
    given = options.given
    return RedisUrl(
        kind=kind,
        hosts=() if kind == "unix" else _hosts(location, kind),
        path=path if kind == "unix" else "",
        service=service,
        db=_database(db),
        user=unquote(user) or given.get("username") or None,
        password=unquote(password) or given.get("password") or None,
        tls=options.tls if tls else None,
        sentinel_tls=options.tls if kind == "sentinel" and options.sentinel_tls else None,
        sentinel_user=given.get("sentinel_user"),
        sentinel_password=given.get("sentinel_password"),
        options=options.connection,
        settings=options.settings,
    )


def read_url(raw: object) -> str:
    """Read the URL of a Redis, checking that `parse` accepts it."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be a string that is not empty")
    parse(raw)
    return raw.strip()


def _split(rest: str) -> Any:
    try:
        return urlsplit(f"//{rest}")
    except ValueError:
        raise ValueError("has a host that cannot be read") from None


def _below(kind: Kind, path: str, named: str) -> tuple[str, str]:
    """Return the service and the database given in the path or the query."""
    first, _, second = path.removeprefix("/").partition("/")
    match kind:
        case "unix":
            if not path.startswith("/"):
                raise ValueError("must give the socket's absolute path: unix:///run/redis.sock")
            return "", named or "0"
        case "sentinel":
            if not first:
                raise ValueError(
                    "must name the service after the hosts: redis+sentinel://host:26379/main"
                )
            return first, _once(second, named)
        case "cluster":
            if first not in ("", "0") or second:
                raise ValueError("must not name a database: a Cluster has only one")
            return "", "0"
        case _:
            return "", _once(path.removeprefix("/"), named)


def _once(in_path: str, in_query: str) -> str:
    if in_path and in_query and in_path != in_query:
        raise ValueError("names two databases: one in its path and another as db")
    return in_path or in_query or "0"


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("must name a database by its number")
    return int(text)


def _hosts(location: str, kind: Kind) -> tuple[tuple[str, int], ...]:
    hosts = tuple(_host(part, _PORTS[kind]) for part in location.split(","))
    if kind == "single" and len(hosts) > 1:
        raise ValueError("names several hosts: that takes redis+sentinel:// or redis+cluster://")
    return hosts


def _host(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("has a host or a port that cannot be read") from None
    if not host:
        raise ValueError("must name a host")
    return host, port or default_port
