"""Which URLs may be a webhook endpoint's, as far as that shows in the URL itself."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from app.domain.webhooks.addresses import is_public
from app.errors import InvalidRequest


def checked_url(url: str, *, allow_private: bool) -> str:
    """Return the URL. What its name resolves to is judged when it is connected to.

    Raises:
        InvalidRequest: it is none that events are sent to; the message says why.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
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
    if parts.fragment:
        raise _refused("must not have a fragment: it would not be sent.")
    if not allow_private and _is_private(host):
        raise _refused("must have a public host: this one is of the gateway's own network.")
    return url


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
