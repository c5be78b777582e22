"""What the environ of a request says of its connection (PEP 3333)."""

from __future__ import annotations

import ipaddress
from typing import Any


def connection_environ(
    base: dict[str, Any], listener: Any, caller: Any, address: Any
) -> dict[str, Any]:
    """Return what the environ of every request on a connection has, beside `base`."""
    environ = {**base, "gunicorn.socket": caller, "SERVER_PROTOCOL": "HTTP/1.1"}
    server = listener.getsockname()
    if isinstance(server, tuple):
        environ["SERVER_NAME"], environ["SERVER_PORT"] = server[0], str(server[1])
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = address[0], str(address[1])
    else:  # a Unix socket: nobody is known by an address
        environ.update(SERVER_NAME="localhost", SERVER_PORT="80", REMOTE_ADDR="")
    return environ


def scheme(environ: dict[str, Any], cfg: Any) -> str:
    """Return the scheme that the caller used, by the word of a proxy that we trust."""
    named = environ.get("HTTP_X_FORWARDED_PROTO")
    is_https = named == "https" and _is_trusted(environ["REMOTE_ADDR"], cfg)
    return "https" if is_https else "http"


def _is_trusted(address: str, cfg: Any) -> bool:
    if not address or "*" in cfg.forwarded_allow_ips:
        return True
    peer = ipaddress.ip_address(address)
    return any(peer in network for network in cfg.forwarded_allow_networks())
