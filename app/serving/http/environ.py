"""The part of a request's environ that describes its connection (PEP 3333)."""

from __future__ import annotations

import ipaddress
from typing import Any


def connection_environ(
    base: dict[str, Any], listener: Any, caller: Any, address: Any
) -> dict[str, Any]:
    """Return `base` with the keys that all requests on a connection have in common."""
    environ = {**base, "gunicorn.socket": caller, "SERVER_PROTOCOL": "HTTP/1.1"}
    server = listener.getsockname()
    if isinstance(server, tuple):
        environ["SERVER_NAME"], environ["SERVER_PORT"] = server[0], str(server[1])
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = address[0], str(address[1])
    else:  # a Unix socket: clients have no address
        environ.update(SERVER_NAME="localhost", SERVER_PORT="80", REMOTE_ADDR="")
    return environ


def scheme(environ: dict[str, Any], cfg: Any) -> str:
    """Return the scheme that the client used, as stated by a trusted proxy."""
    named = environ.get("HTTP_X_FORWARDED_PROTO")
    is_https = named == "https" and _is_trusted(environ["REMOTE_ADDR"], cfg)
    return "https" if is_https else "http"


def _is_trusted(address: str, cfg: Any) -> bool:
    if not address or "*" in cfg.forwarded_allow_ips:
        return True
    peer = ipaddress.ip_address(address)
    return any(peer in network for network in cfg.forwarded_allow_networks())
