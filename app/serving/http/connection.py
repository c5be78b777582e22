"""The Connection and Host headers of a request. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: A Host header's value: a name or an address with its port, or nothing (RFC 9110, 7.2). Only the
#: characters are checked (RFC 3986, 3.2).
HOST = re.compile(r"[!$%&'()*+,.0-9:;=A-Z\[\]_a-z~-]*")


def asks_to_close(fields: Iterable[tuple[str, str]]) -> bool:
    """Tell whether `close` is among a request's connection options (RFC 9112, 9.6).

    `fields` are names, in upper case, and values. gunicorn considers only the first Connection
    field, and only if `close` is its whole value; Perl's LWP sends `TE, close`.

    Example: [("CONNECTION", "TE, Close")] -> True
    """
    return any(
        option.strip(" \t").lower() == "close"
        for name, value in fields
        if name == "CONNECTION"
        for option in value.split(",")
    )


def has_host(fields: Iterable[tuple[str, str]], version: tuple[int, int]) -> bool:
    """Tell whether a request has the Host header that its version needs, and a valid one.

    gunicorn itself refuses a repeated Host, but not a missing or invalid one (RFC 9112, 3.2). A
    higher minor version than 1.1 is served as that one (RFC 9110, 2.5).

    Example: [("ACCEPT", "*/*")], (1, 1) -> False
    """
    hosts = [value for name, value in fields if name == "HOST"]
    return all(map(HOST.fullmatch, hosts)) and (bool(hosts) or version < (1, 1))
