"""TLS to Redis: trusts only the authorities that are named, and prepares for it once.

redis-py itself adds named authorities to the system's, so that any public authority could vouch for
a server; and it makes a TLS context for each connection. MEASURED: 18 ms, so that a process whose
password or authority is wrong did hardly anything but fail to connect.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from socket import socket
from typing import Any, NamedTuple

from redis.connection import SSLConnection

#: Contexts kept in a process: of Redis and of the Sentinels, before and after a change of files.
_MOST_CONTEXTS = 8


class _Options(NamedTuple):
    """What a context is made of: the options of redis-py's that REDIS_URL may have."""

    ca_certs: str | None
    ca_path: str | None
    certfile: str | None
    keyfile: str | None
    certificate_password: str | None
    cert_reqs: ssl.VerifyMode
    check_hostname: bool
    ssl_min_version: ssl.TLSVersion | None
    ssl_ciphers: str | None


class TlsConnection(SSLConnection):
    """redis-py's connection over TLS, with a context that is shared until a file changes."""

    def _wrap_socket_with_ssl(self, sock: socket) -> ssl.SSLSocket:  # redis-py's _connect calls it
        of: Any = self  # redis-py's attributes have no types
        options = _Options(*(getattr(of, name) for name in _Options._fields))
        context = _context(options, tuple(map(_stamp, _files(options))))
        return context.wrap_socket(sock, server_hostname=of.host)


@lru_cache(_MOST_CONTEXTS)
def _context(options: _Options, _stamps: tuple[object, ...]) -> ssl.SSLContext:
    """Return the context for these options, as long as the files have these stamps.

    Raises:
        OSError: a file cannot be read, or is not what it should be.
    """
    # The system's authorities are trusted only where none are named.
    context = ssl.create_default_context(cafile=options.ca_certs, capath=options.ca_path)
    context.check_hostname = options.check_hostname
    context.verify_mode = options.cert_reqs
    if options.certfile:
        password = options.certificate_password
        context.load_cert_chain(options.certfile, options.keyfile, password)
    if options.ssl_min_version is not None:
        context.minimum_version = options.ssl_min_version
    if options.ssl_ciphers:
        context.set_ciphers(options.ssl_ciphers)
    return context


def _files(options: _Options) -> tuple[str | None, ...]:
    authorities = (options.ca_certs, options.ca_path)
    if not any(authorities):
        system = ssl.get_default_verify_paths()
        authorities = (system.cafile, system.capath)
    return *authorities, options.certfile, options.keyfile


def _stamp(path: str | None) -> object:
    """Return what differs once a file, or another one, is there; None where there is none."""
    if path is None:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return path, found.st_ino, found.st_size, found.st_mtime_ns
