"""Options after the `?` of REDIS_URL: with redis-py's own names, or short ones of ours.

Options that the gateway decides itself (`decode_responses`, `protocol`, `retry_on_timeout`, ...)
are not among them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from app.settings.readers import MOST_S
from app.settings.tables import did_you_mean

#: False values of flags for redis-py, in any case; it takes everything else as true.
_NO = frozenset({"0", "f", "false", "n", "no"})
_YES = frozenset({"1", "t", "true", "y", "yes"})
_CERT_REQS = ("none", "optional", "required")
_MOST = 2**31


def _flag(text: str) -> bool:
    if text.lower() not in _NO | _YES:
        raise ValueError("must be yes or no")
    return text.lower() in _YES


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= _MOST:
            raise ValueError(f"must be a whole number of at least {least}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_S:  # NaN fails, too
        raise ValueError(f"must be a number of seconds, more than 0 and at most {MOST_S}")
    return seconds


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _name(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError("must be a name without spaces, as CLIENT SETNAME takes it")
    return text


def _file(text: str) -> str:
    try:
        Path(text).open("rb").close()
    except (OSError, ValueError):
        raise ValueError("names a file that cannot be read") from None
    return text


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise ValueError("names no directory")
    return text


def _cert_reqs(text: str) -> str:
    word = text.lower().removeprefix("cert_")
    if word not in _CERT_REQS:
        raise ValueError(f"must be one of {', '.join(_CERT_REQS)}")
    return word


def _tls_version(text: str) -> ssl.TLSVersion:
    versions = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    found = versions.get(text) or next((v for v in versions.values() if str(int(v)) == text), None)
    if found is None:
        raise ValueError("must be 1.2 or 1.3")
    return found


#: By name: redis-py's name, and the reader.
_TLS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "ca": ("ssl_ca_certs", _file),
    "cert": ("ssl_certfile", _file),
    "key": ("ssl_keyfile", _file),
    "check_hostname": ("ssl_check_hostname", _flag),
    "ssl_ca_certs": ("ssl_ca_certs", _file),
    "ssl_ca_path": ("ssl_ca_path", _folder),
    "ssl_certfile": ("ssl_certfile", _file),
    "ssl_keyfile": ("ssl_keyfile", _file),
    "ssl_password": ("ssl_password", _text),
    "ssl_cert_reqs": ("ssl_cert_reqs", _cert_reqs),
    "ssl_check_hostname": ("ssl_check_hostname", _flag),
    "ssl_min_version": ("ssl_min_version", _tls_version),
    "ssl_ciphers": ("ssl_ciphers", _text),
}
#: Options that connections get unchanged.
_CONNECTION: Mapping[str, Callable[[str], Any]] = {
    "client_name": _name,
    "socket_keepalive": _flag,
    "socket_read_size": _whole(1),
    "health_check_interval": _whole(0),
}
#: Options that `[redis]` has, too, under another name.
_SETTINGS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "socket_timeout": ("timeout_s", _seconds),
    "socket_connect_timeout": ("connect_timeout_s", _seconds),
    "max_connections": ("pool_size", _whole(1)),
}
_NOT_OF = {
    "cluster": frozenset({"db", "health_check_interval", "ssl_min_version", "ssl_ciphers"}),
    "unix": frozenset({"socket_keepalive"}),
}
_LOGIN = ("username", "password")
#: Whether Sentinels use TLS, if that differs from the servers that they name.
_SENTINEL_TLS = "sentinel_ssl"
_OF_SENTINELS = ("sentinel_user", "sentinel_password", _SENTINEL_TLS)


@dataclass(frozen=True, slots=True)
class UrlOptions:
    """A parsed query.

    `given` are logins and the database, `tls` and `connection` redis-py's options, `settings`
    fields of RedisSettings. `sentinel_tls`: whether Sentinels use TLS.
    """

    sentinel_tls: bool
    given: dict[str, str] = field(default_factory=dict, repr=False)
    tls: dict[str, Any] = field(default_factory=dict, repr=False)
    connection: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def read_options(query: str, *, kind: str, tls: bool) -> UrlOptions:
    """Parse the query of a URL of this kind; TLS options are only valid with TLS.

    `tls`: whether the URL's scheme implies TLS.

    Raises:
        ValueError: an option is unknown, or its value invalid. Unknown names and values are not
            quoted: they may be half of a password.
    """
    raw = dict(parse_qsl(query, keep_blank_values=True))
    sentinel_tls = tls
    if kind == "sentinel" and _SENTINEL_TLS in raw:
        sentinel_tls = _read(_SENTINEL_TLS, raw.pop(_SENTINEL_TLS), _flag)
    tls = tls or sentinel_tls
    _refuse_unknown(raw, _known(kind, tls=tls), tls=tls)
    found = UrlOptions(sentinel_tls)
    for name, text in raw.items():
        if name in _TLS:
            theirs, read = _TLS[name]
            found.tls[theirs] = _read(name, text, read)
        elif name in _SETTINGS:
            ours, read = _SETTINGS[name]
            found.settings[ours] = _read(name, text, read)
        elif name in _CONNECTION:
            found.connection[name] = _read(name, text, _CONNECTION[name])
        else:
            found.given[name] = text
    if ("ssl_certfile" in found.tls) != ("ssl_keyfile" in found.tls):
        raise ValueError("must give both cert and key, or neither")
    return found


def _known(kind: str, *, tls: bool) -> list[str]:
    """Return the options of such a URL: redis-py does not have all of them for each kind."""
    names = [*_LOGIN, "db", *_CONNECTION, *_SETTINGS, *(_TLS if tls else ())]
    names += _OF_SENTINELS if kind == "sentinel" else ()
    return sorted({*names} - _NOT_OF.get(kind, frozenset()))


def _refuse_unknown(names: Iterable[str], known: list[str], *, tls: bool) -> None:
    for name in names:
        if name in known:
            continue
        if name in _TLS and not tls:
            raise ValueError(f"must begin with rediss for the option {name}, which is one of TLS")
        hint = did_you_mean(name, known)
        raise ValueError(f"may have these options here: {', '.join(known)}{hint}")


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"has an option {name} that {error}") from None
