"""Checks the URL of a webhook endpoint, as far as the URL itself shows it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.domain.webhooks.addresses import is_public
from app.errors import InvalidRequest

#: RFC 1035, 2.3.4, and RFC 1123, 2.1; some names of hosts have underscores.
_LONGEST_NAME = 254
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def checked_url(url: str, *, allow_private: bool) -> str:
    """Return the URL. The addresses of its host are checked when it is connected to.

    Raises:
        InvalidRequest: events are not sent to such a URL; the message says why.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("is not a URL.") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise _refused("has characters that a URL must write as %XX, or its host as punycode.")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise _refused("must begin with https://.")
    if not host:
        raise _refused("names no host.")
    if parts.username is not None or parts.password is not None:
        raise _refused("must not have a user name or password: check the signature instead.")
    if port == 0:
        raise _refused("must not have the port 0: nobody listens there.")
    if not _can_be_reached(host):
        raise _refused("names no host that there can be: write a domain name or an IP address.")
    if "#" in url:
        raise _refused("must not have a fragment: it would not be sent.")
    if not allow_private and _is_private(host):
        raise _refused("must have a public host: this one is of the gateway's own network.")
    return url


def _can_be_reached(host: str) -> bool:
    """Tell whether a host is an IP address, or a name that a resolver may know.

    What ends in a number is an address (https://url.spec.whatwg.org/#ends-in-a-number-checker):
    resolvers read 2130706433, 0x7f.1 and 127.1 as one, which nobody means.
    """
    try:
        return bool(ip_address(host))
    except ValueError:
        labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME or _NUMBER.fullmatch(labels[-1]):
        return False
    return all(map(_LABEL.fullmatch, labels))


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _refused(what: str) -> InvalidRequest:
    return InvalidRequest(f"'url' {what}", param="url", code="invalid_value")
