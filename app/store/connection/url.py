"""What REDIS_URL says.

It is one of

    redis://[user[:password]@]host[:port][/db]          rediss:// is the same over TLS
    unix://[user[:password]@]/path/of/the.sock[?db=n]
    redis+sentinel://[user[:password]@]host[:port],host[:port]/service[/db]
    redis+cluster://[user[:password]@]host[:port],host[:port]

and `rediss+sentinel://`, `rediss+cluster://` over TLS. Over TLS it may end in `?ca=FILE` (what the
server's certificate is checked against; the system's authorities otherwise), `cert=FILE` with
`key=FILE` (ours), `check_hostname=no`. Sentinels that want a login of their own take
`sentinel_user=` and `sentinel_password=`. User names and passwords are percent-encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

Kind = Literal["single", "unix", "sentinel", "cluster"]

_KINDS: dict[str, Kind] = {
    "redis": "single",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
_PORTS = {"single": 6379, "cluster": 6379, "sentinel": 26379}
_TLS_OPTIONS = {"ca": "ssl_ca_certs", "cert": "ssl_certfile", "key": "ssl_keyfile"}
_TLS_NAMES = (*_TLS_OPTIONS, "check_hostname")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """`tls` holds redis-py's `ssl_…` options, None where there is no TLS."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = None
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def parse(text: str) -> RedisUrl:
    """Return what the URL says.

    Raises:
        ValueError: it is no URL of a Redis. The message says why and quotes nothing: what stands
            where a host should may be half a password that was not percent-encoded.
    """
    scheme, separator, rest = text.partition("://")
    tls = scheme.startswith("rediss")
    kind = _KINDS.get(scheme.replace("rediss", "redis", 1) if tls else scheme)
    if kind is None or not separator:
        _refuse(
            "must begin with redis://, rediss://, unix://, redis+sentinel://, "
            "rediss+sentinel://, redis+cluster:// or rediss+cluster://"
        )
    parts = urlsplit(f"//{rest}")
    options = _options(parts.query, kind, tls=tls)
    login, _, location = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    path = unquote(parts.path)
    service, db = _below(kind, path, options)
    return RedisUrl(
        kind=kind,
        hosts=() if kind == "unix" else _hosts(location, kind),
        path=path if kind == "unix" else "",
        service=service,
        db=_database(db),
        user=unquote(user) or None,
        password=unquote(password) or None,
        tls=_tls(options) if tls else None,
        sentinel_user=options.get("sentinel_user"),
        sentinel_password=options.get("sentinel_password"),
    )


def _refuse(why: str) -> NoReturn:
    raise ValueError(f"REDIS_URL {why}")


def _options(query: str, kind: Kind, *, tls: bool) -> dict[str, str]:
    allowed = {
        *(_TLS_NAMES if tls else ()),
        *(("sentinel_user", "sentinel_password") if kind == "sentinel" else ()),
        *(("db",) if kind == "unix" else ()),
    }
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not options.keys() <= allowed:
        _refuse(f"may have these options here: {', '.join(sorted(allowed)) or 'none'}")
    return options


def _below(kind: Kind, path: str, options: Mapping[str, str]) -> tuple[str, str]:
    """Return the service and the database that the path, or for a socket the query, names."""
    first, _, second = path.removeprefix("/").partition("/")
    match kind:
        case "unix":
            if not path.startswith("/"):
                _refuse("must give the socket's absolute path: unix:///run/redis.sock")
            return "", options.get("db", "0")
        case "sentinel":
            if not first:
                _refuse("must name the service after the hosts: redis+sentinel://host:26379/main")
            return first, second or "0"
        case "cluster":
            if first not in ("", "0") or second:
                _refuse("must not name a database: a Cluster has only one")
            return "", "0"
        case _:
            return "", path.removeprefix("/") or "0"


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        _refuse("must name a database by its number")
    return int(text)


def _hosts(location: str, kind: Kind) -> tuple[tuple[str, int], ...]:
    hosts = tuple(_host(part, _PORTS[kind]) for part in location.split(","))
    if kind == "single" and len(hosts) > 1:
        _refuse("names several hosts: that takes redis+sentinel:// or redis+cluster://")
    return hosts


def _host(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        _refuse("has a host or a port that cannot be read")
    if not host:
        _refuse("must name a host")
    return host, port or default_port


def _tls(options: Mapping[str, str]) -> dict[str, Any]:
    if ("cert" in options) != ("key" in options):
        _refuse("must give both cert and key, or neither")
    given: dict[str, Any] = {
        theirs: options[ours] for ours, theirs in _TLS_OPTIONS.items() if ours in options
    }
    match options.get("check_hostname", "yes"):
        case "yes":
            return given
        case "no":
            return given | {"ssl_check_hostname": False}
        case _:
            _refuse("takes check_hostname=yes or check_hostname=no")
