"""Remedies for TLS connections to Redis that failed, by the messages of OpenSSL and redis-py."""

from __future__ import annotations

import re

from app.errors import causes

#: Patterns of messages, specific ones before general ones, with their remedies.
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), remedy)
    for words, remedy in (
        (
            "alert certificate required|alert handshake failure",
            "it wants a certificate of ours: ?ssl_certfile=FILE&ssl_keyfile=FILE. Where it has "
            "one, the two have no version or cipher of TLS in common",
        ),
        (
            "alert certificate (expired|revoked)",
            "renew the certificate of ours that ssl_certfile names",
        ),
        (
            "alert (unknown ca|bad certificate|certificate unknown|unsupported certificate|access)",
            "have the certificate that ssl_certfile names made by an authority of its "
            "tls-ca-cert-file",
        ),
        (
            "certificate has expired|certificate is not yet valid",
            "renew the certificate of Redis, or mend the clock of this machine",
        ),
        (
            "certificate is not valid for",
            "name the host in REDIS_URL as its certificate does; with ?ssl_check_hostname=no any "
            "certificate of its authority will do",
        ),
        ("certificate verify failed", "name its authority: ?ssl_ca_certs=FILE"),
        (
            "protocol version|unsupported protocol|no protocols available",
            "have both know a version of TLS: its tls-protocols, ?ssl_min_version= in REDIS_URL",
        ),
        ("key values mismatch", "name the key that belongs to ssl_certfile in ssl_keyfile"),
        (
            r"PEM lib|no certificate or crl|no start line",
            "name files with -----BEGIN …----- in them (PEM) in REDIS_URL",
        ),
        (
            "wrong version number|record layer failure|handshake operation timed out",
            "a port without TLS wants redis://; else see what is in between",
        ),
        (
            "EOF occurred in violation of protocol|closed by server|reset by peer|broken pipe",
            "see its log for why it has hung up: it may want another certificate of ours, "
            "?ssl_certfile=FILE&ssl_keyfile=FILE",
        ),
    )
)


def tls_remedy(error: BaseException | None) -> str | None:
    """Return the remedy for a TLS connection that failed with redis-py's `error`.

    None if TLS has nothing to do with it.

    Example: ConnectionError("... certificate verify failed: certificate has expired ...") ->
        "renew the certificate of Redis, or mend the clock of this machine"
    """
    # Only the cause shows that a handshake timed out; with a Sentinel it lies deeper.
    message = " ".join(map(str, causes(error)))
    return next((remedy for found, remedy in _REMEDIES if found.search(message)), None)
